"""Each example is the published one of the page that its comment names, all read 2026-11-27."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.vercel import NAMED, decode_options
from gearshift.protocols.wishes import Wishes
from gearshift.types.chat import Routing

DOCS = "https://vercel.com/docs/ai-gateway/models-and-providers"


def decoded(said: dict[str, Raw]) -> Routing:
    wishes = Wishes()
    decode_options(wishes, said)
    return wishes.routing()


def options(**gateway: object) -> dict[str, Raw]:
    return {"providerOptions": Raw(msgspec.json.encode({"gateway": gateway}))}


@pytest.mark.parametrize(
    ("source", "gateway", "routing"),
    [
        (
            f"{DOCS}/provider-options",
            {"order": ["bedrock", "anthropic"], "only": ["bedrock", "anthropic"]},
            Routing(order=("bedrock", "anthropic"), only=("bedrock", "anthropic")),
        ),
        (f"{DOCS}/provider-filtering-and-ordering", {"sort": "cost"}, Routing(sort="price")),
        (f"{DOCS}/provider-filtering-and-ordering", {"sort": "ttft"}, Routing(sort="latency")),
        (f"{DOCS}/provider-filtering-and-ordering", {"sort": "tps"}, Routing(sort="throughput")),
        (
            f"{DOCS}/model-fallbacks",
            {"models": ["openai/gpt-5.4-nano", "google/gemini-3-flash"]},
            Routing(models=("openai/gpt-5.4-nano", "google/gemini-3-flash")),
        ),
        (
            "https://vercel.com/docs/ai-gateway/security-and-compliance/zdr",
            {"zeroDataRetention": True},
            Routing(zdr=True),
        ),
        (
            "https://vercel.com/docs/ai-gateway/security-and-compliance/disallow-prompt-training",
            {"disallowPromptTraining": True},
            Routing(no_collection=True),
        ),
    ],
)
def test_every_published_wish_is_read(source: str, gateway: dict[str, object], routing: Routing) -> None:
    assert source.startswith("https://vercel.com/docs/ai-gateway/")
    said = options(**gateway)
    assert decoded(said) == routing
    assert said == {}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_kept_is_named_and_never_leaves(name: str) -> None:
    said = options(**{name: {"openai": [{"apiKey": "sk-secret"}]}})
    (found,) = decoded(said).unmet
    assert found.field == f"providerOptions.gateway.{name}"
    assert "secret" not in found.detail
    assert said == {}
    assert decoded(options(**{name: None})) == Routing()


def test_options_of_others_are_named_and_stay_byte_for_byte() -> None:
    said = {"providerOptions": Raw(b'{ "openai":{ } }')}
    (found,) = decoded(said).unmet
    assert (found.field, found.word) == ("providerOptions.openai", "providerOptions")
    assert said == {"providerOptions": Raw(b'{ "openai":{ } }')}
    both = {"providerOptions": Raw(b'{"gateway":{"only":["p"]}, "anthropic":{"a": 1}}')}
    assert decoded(both).only == ("p",)
    assert both == {"providerOptions": Raw(b'{"anthropic":{"a": 1}}')}


@pytest.mark.parametrize(
    ("spoken", "fault"),
    [
        (b"[]", "providerOptions: found a list, expected an object"),
        (b'{"gateway":5}', "providerOptions.gateway: found a number, expected an object"),
        (b'{"gateway":{"sort":"price"}}', "providerOptions.gateway.sort: found 'price', expected one of cost, ttft"),
        (b'{"gateway":{"models":[{"model":"a"}]}}', "providerOptions.gateway.models[0]: found an object, expected a"),
        (b'{"gateway":{"zeroDataRetention":"yes"}}', "providerOptions.gateway.zeroDataRetention: found a string"),
        (b'{"gateway":{"onyl":[]}}', "providerOptions.gateway.onyl: not known here, expected one of order, only"),
    ],
)
def test_a_wrong_wish_is_refused_in_words(spoken: bytes, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decoded({"providerOptions": Raw(spoken)})
    assert str(caught.value).startswith(fault)
