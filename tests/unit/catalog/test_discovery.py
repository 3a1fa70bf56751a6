"""What servers have joins a config, and never changes what it declares."""

from __future__ import annotations

from typing import Any

from gearshift.catalog import build
from gearshift.catalog.discovery import Discovery
from gearshift.catalog.offers import Offer, Offers
from gearshift.config import Config, from_mapping
from gearshift.types.catalog import Rates

SMALL = {"deployments": [{"provider": "ollama", "name": "qwen3:8b"}]}


def config(models: dict[str, Any] | None = None, **more: object) -> Config:
    providers = {"ollama": {}, "vllm": {"price": {"input": 0.1, "output": 0.2}}, "openai": {}}
    return from_mapping({"providers": providers, "models": models or {}, **more}, source="test", environ={})


def found(**servers: list[str | tuple[str, int | None]]) -> Discovery:
    return Discovery(
        offers={
            provider: Offers(
                models=tuple(
                    Offer(name=each) if isinstance(each, str) else Offer(name=each[0], context_window=each[1])
                    for each in names
                )
            )
            for provider, names in servers.items()
        }
    )


def ids(joined: Config) -> list[str]:
    return [each.id for each in build(joined, {}).deployments]


def test_a_model_that_was_found_is_a_deployment_like_any_other() -> None:
    joined = found(ollama=["qwen3:8b"], vllm=[("Qwen/Qwen3-8B", 40960)]).join(config())
    local, lab = build(joined, {}).deployments
    assert (local.id, local.model, local.name) == ("ollama/qwen3:8b", "qwen3:8b", "qwen3:8b")
    assert (local.price, local.context_window, local.capabilities) == (None, None, None)
    assert (lab.id, lab.context_window) == ("vllm/Qwen/Qwen3-8B", 40960)
    assert lab.price is not None
    assert lab.price.rates == Rates(input=100_000_000, output=200_000_000)


def test_a_glob_takes_what_was_found() -> None:
    joined = found(ollama=["a", "b"], vllm=["c"]).join(config(routers={"auto": {"candidates": ["ollama/*"]}}))
    assert [each.model for each in build(joined, {}).select(["ollama/*"])] == ["a", "b"]


def test_one_model_at_two_servers_has_the_window_that_both_keep() -> None:
    joined = found(ollama=[("m", 8192)], vllm=[("m", 4096)]).join(config())
    assert (ids(joined), joined.models["m"].context_window) == (["ollama/m", "vllm/m"], 4096)
    assert found(ollama=["m"], vllm=[("m", 4096)]).join(config()).models["m"].context_window is None


def test_what_is_declared_stays_as_it_is() -> None:
    declared = config({"small": SMALL, "gpt-5.5": {"deployments": [{"provider": "openai"}]}}, routers={"auto": {
        "candidates": ["small"]}})  # fmt: skip
    seen = found(ollama=["qwen3:8b", "gpt-5.5", "GPT-5.5", "auto", "small:floor", "new"])
    joined = seen.join(declared)
    assert ids(joined) == ["ollama/small", "openai/gpt-5.5", "ollama/new"]
    assert joined.models["gpt-5.5"] == declared.models["gpt-5.5"]
    (told,) = seen.left_out(declared)
    assert told == (
        "ollama: gpt-5.5, GPT-5.5, auto, small:floor: the name has another meaning in the config; "
        "declare a deployment to use it"
    )


def test_what_a_list_holds_beside_models_is_told() -> None:
    seen = Discovery(offers={"ollama": Offers(left_out=7)})
    assert seen.left_out(config()) == ["ollama: 7 of what it lists cannot be used as a model here"]


def test_a_provider_that_is_gone_has_nothing() -> None:
    assert found(gone=["a"]).join(config()).models == {}


def test_the_version_tells_what_was_found() -> None:
    plain = config()
    assert Discovery().join(plain) is plain
    assert found(ollama=["a"]).join(plain).version != plain.version
    assert found(ollama=["a"]).join(plain).version == found(ollama=["a"]).join(config()).version
