from __future__ import annotations

from gearshift.cli.demo_config import demo_mapping, describe
from gearshift.config import from_mapping
from gearshift.simulate.embed import CARD
from gearshift.simulate.roster import CARDS
from gearshift.types.catalog import NANO_PER_USD


def test_the_demo_config_is_valid_and_labels_what_is_simulated() -> None:
    config = from_mapping(demo_mapping("http://127.0.0.1:9/v1", CARDS), source="test", environ={})
    assert config.providers["simulated"].simulated
    assert not config.providers["demo"].simulated
    for name, model in config.models.items():
        card = {**CARDS, CARD.id: CARD}[name]
        assert (model.deployments[0].provider == "simulated") == card.simulated
    assert config.models["sim-embed"].capabilities == ("embeddings",)
    assert "sim-embed" not in (config.routers["auto"].candidates or ())


def test_prices_are_those_of_the_cards() -> None:
    mapping = demo_mapping("http://127.0.0.1:9/v1", ["sim-frontier"])
    price = mapping["models"]["sim-frontier"]["deployments"][0]["price"]
    rates = CARDS["sim-frontier"].rates
    assert rates is not None
    assert price == {"input": rates.input / NANO_PER_USD, "output": rates.output / NANO_PER_USD}


def test_models_that_are_no_demo_models_are_left_out() -> None:
    assert list(demo_mapping("http://127.0.0.1:9/v1", ["calc", "gpt-9"])["models"]) == ["calc", "sim-embed"]


def test_what_is_missing_is_said_with_its_reason() -> None:
    lines = describe(["calc", "sim-economy"], {"smol": "no xllamacpp"})
    assert any("SIMULATED" in line for line in lines)
    assert lines[-1] == "smol: not here (no xllamacpp)"
