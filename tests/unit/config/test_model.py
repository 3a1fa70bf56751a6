"""The sections, their keys and their defaults; every one of them is in the reference page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gearshift.config import faults
from gearshift.config.model import Config, ModelConfig, PriceConfig, ServerConfig
from gearshift.config.section import Section
from gearshift.types.catalog import Price, Rates

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference" / "configuration.md"
DOCUMENT: dict[str, Any] = {
    "providers": {"lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1"}},
    "models": {"small": {"deployments": [{"provider": "lab"}]}},
}


def config(**stated: object) -> Config:
    return Config.model_validate({**DOCUMENT, **stated})


def test_the_defaults() -> None:
    found = config()

    assert (found.server.host, found.server.port, found.server.keys) == ("127.0.0.1", 4000, ())
    assert found.server.max_body_bytes == 32 * 1024 * 1024
    assert found.server.idempotency_ttl == 3600.0
    assert (found.store, found.shared) == ("sqlite:///gearshift.db", "memory://")
    assert found.reliability.model_dump() == {
        "max_attempts": 3,
        "retries": 1,
        "deadline": 600.0,
        "connect_timeout": 5.0,
        "first_token_timeout": 10.0,
        "answer_timeout": 300.0,
        "stall_timeout": 30.0,
        "content_timeout": 60.0,
        "reasoning_timeout": 120.0,
        "keep_alive": 10.0,
        "rescue": True,
        "hedge_after": None,
        "circuit_breaker": True,
    }
    assert found.logging.content is False


def test_without_routers_auto_chooses_among_all_models() -> None:
    assert config().routers["auto"].candidates == ("*",)
    assert config(routers={}).routers == {}


@pytest.mark.parametrize(
    ("store", "path"),
    [
        ("sqlite:///gearshift.db", "gearshift.db.ledger"),
        ("sqlite:////var/lib/g.db", "/var/lib/g.db.ledger"),
        ("postgresql://gearshift@db/gearshift", "gearshift.ledger"),
    ],
)
def test_the_ledger_is_beside_the_store(store: str, path: str) -> None:
    assert config(store=store).ledger_path == Path(path)
    assert config(store=store, ledger={"path": "/var/wal"}).ledger_path == Path("/var/wal")


def test_the_version_is_that_of_the_content() -> None:
    assert config().version == config(server={"port": 4000}).version
    assert config().version != config(server={"port": 4001}).version
    assert len(config().version) == 12


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "gateway.example.org"])  # noqa: S104
def test_without_keys_the_gateway_listens_here_only(host: str) -> None:
    with pytest.raises(ValidationError, match="refuses to listen elsewhere without keys"):
        ServerConfig.model_validate({"host": host})
    assert ServerConfig.model_validate({"host": host, "keys": ["env:A"]}).authenticated
    assert ServerConfig.model_validate({"host": host, "admin_key": "env:A"}).authenticated


def test_a_faulty_key_is_not_taken_for_none() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerConfig.model_validate({"host": "0.0.0.0", "keys": ["hunter2"]})  # noqa: S104

    assert [error["loc"] for error in caught.value.errors()] == [("keys", 0)]


def test_no_key_means_no_authentication() -> None:
    assert not ServerConfig().authenticated


def test_a_price_is_dollars_per_million_tokens() -> None:
    stated = {"input": 0.10, "output": 0.40, "cached_input": 0.01, "cache_write": 0.125, "cache_write_1h": 0.2}

    assert PriceConfig.model_validate(stated).price == Price(
        rates=Rates(
            input=100_000_000,
            output=400_000_000,
            cache_read=10_000_000,
            cache_write=125_000_000,
            cache_write_1h=200_000_000,
        ),
        source="config",
    )


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"data_collection": "never"}, 'found "never", expected allow, deny'),
        ({"quantization": "fp9"}, 'found "fp9", expected int4, int8'),
        ({"zdr": "yes"}, "valid boolean"),
    ],
)
def test_terms_are_of_few_words(stated: dict[str, object], fault: str) -> None:
    lab = {**DOCUMENT["providers"]["lab"], **stated}
    with pytest.raises(ValidationError) as caught:
        config(providers={"lab": lab})
    assert fault in str(caught.value)


def test_a_bare_zero_is_a_known_price_of_zero() -> None:
    model = ModelConfig.model_validate({"deployments": [{"provider": "lab", "price": 0}, {"provider": "b"}]})

    first, second = (each.price for each in model.deployments)
    assert first is not None
    assert first.price.rates == Rates(input=0, output=0)
    assert second is None


@pytest.mark.parametrize("price", [1, False, "0", {"input": 1}, {"input": 1, "output": 1, "cached": 1}])
def test_no_other_price_is_taken(price: object) -> None:
    with pytest.raises(ValidationError):
        ModelConfig.model_validate({"deployments": [{"provider": "lab", "price": price}]})


def keys(section: type[Section], path: str = "") -> Iterator[tuple[str, str]]:
    """Give every key that a config may have, with the section it stands in."""
    for name, field in section.model_fields.items():
        key = field.alias or name
        yield path, key
        try:
            inner, _ = faults.section_of(field.annotation)
        except LookupError:
            continue
        assert issubclass(inner, Section)
        yield from keys(inner, f"{path}.{key}" if path else key)


def test_every_key_is_in_the_reference() -> None:
    page = DOCS.read_text(encoding="utf-8")
    parts = {part.partition("\n")[0].strip("` "): part for part in page.split("\n## ")[1:]}

    for path, key in keys(Config):
        part = parts[path.split(".")[0]] if path else page
        assert f"`{key}`" in part, f"{path or 'top level'}: `{key}` is not in {DOCS.name}"


def test_the_reference_names_no_key_that_is_not_there() -> None:
    page = DOCS.read_text(encoding="utf-8")
    known = {key for _, key in keys(Config)}
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]

    assert set(rows) <= known
