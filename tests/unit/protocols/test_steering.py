from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.steering import (
    REMOVED,
    SHARED,
    decode_routing,
    say_routing,
    strip_routing,
    take_model,
    unshared,
)
from gearshift.types.asking import Constraint
from gearshift.types.chat import Routing

KNOWN = ("plugins", "provider", "providerOptions", "transforms")


def members(**fields: object) -> dict[str, Raw]:
    return msgspec.json.decode(msgspec.json.encode(fields), type=dict[str, Raw])


def test_a_request_that_steers_nothing_is_left_alone() -> None:
    said = members(model="m", temperature=1)
    assert decode_routing(said) == Routing()
    assert said == members(model="m", temperature=1)
    assert strip_routing(said) == strip_routing(said, KNOWN) == {}


def test_every_spelling_is_understood() -> None:
    said = members(
        models=["a", "b"],
        provider={"ignore": ["q"], "order": ["r", "s"], "allow_fallbacks": False},
        plugins=[{"id": "auto-router", "allowed_models": ["a/*"], "excluded_models": ["b"]}],
        providerOptions={"gateway": {"only": ["p"], "zeroDataRetention": True}},
        routing_constraint={"quality_constraint": {"numeric_value": 0.8}},
        session_id="s-1",
        route="fallback",
        usage={"include": True},
        model="auto",
    )
    stripped = strip_routing(said)
    assert decode_routing(said) == Routing(
        models=("a", "b"),
        only=("p",),
        ignore=("q",),
        order=("r", "s"),
        allow_fallbacks=False,
        allowed=("a/*",),
        excluded=("b",),
        session_id="s-1",
        zdr=True,
        constraint=Constraint(of="quality", number=0.8),
    )
    assert said == members(model="auto")
    assert set(stripped) == {*REMOVED, "plugins", "providerOptions"}
    assert set(stripped.values()) == {None}


def test_who_understands_a_word_is_told_it_and_others_are_not() -> None:
    said = members(
        provider={"only": ["p"], "max_price": {"prompt": 1}},
        plugins=[{"id": "web", "max_results": 3}, {"id": "auto-router"}],
        providerOptions={"gateway": {"zeroDataRetention": True}, "anthropic": {"thinking": 1}},
        transforms=["middle-out"],
        models=["a"],
    )
    assert strip_routing(said) == dict.fromkeys((*SHARED, "provider", "models"))
    assert strip_routing(said, KNOWN) == {
        "provider": b'{"max_price":{"prompt":1},"zdr":true}',
        "plugins": b'[{"id":"web","max_results":3}]',
        "providerOptions": b'{"anthropic":{"thinking":1}}',
        "transforms": b'["middle-out"]',
        "models": None,
    }


def test_a_request_that_is_said_anew_says_the_same() -> None:
    said = members(
        provider={"only": ["p"], "zdr": True}, plugins=[{"id": "web"}, {"id": "auto-router"}], top_a=1, models=["a"]
    )
    routing = decode_routing(said)
    assert msgspec.json.encode(say_routing(said, routing)) == b'{"top_a":1}'
    told = {"plugins": [{"id": "web"}], "top_a": 1, "provider": {"zdr": True}}
    assert msgspec.json.decode(msgspec.json.encode(say_routing(said, routing, KNOWN))) == told


@pytest.mark.parametrize("spoken", [b'[ {"id":"web"} ]', b"[]", b"null"])
def test_plugins_of_others_keep_their_bytes(spoken: bytes) -> None:
    assert strip_routing({"plugins": Raw(spoken)}, KNOWN) == {"plugins": spoken if b"web" in spoken else None}


def test_what_is_named_as_unmet_is_not_named_again_as_lost() -> None:
    assert unshared(["plugins", "top_a", "transforms"]) == ["top_a"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"session_id": ""}, "session_id: found an empty string, expected"),
        ({"models": ["a", ""]}, "models[1]: found an empty string, expected 1 to 256 printable characters"),
        (
            {"models": ["a"], "providerOptions": {"gateway": {"models": ["b"]}}},
            "providerOptions.gateway.models: contradicts models, which asks for the same thing; say one of them",
        ),
        (
            {"provider": {"sort": "price"}, "providerOptions": {"gateway": {"sort": "tps"}}},
            "providerOptions.gateway.sort: contradicts provider.sort, which asks for the same thing",
        ),
        (
            {"provider": {"zdr": False}, "providerOptions": {"gateway": {"zeroDataRetention": True}}},
            "providerOptions.gateway.zeroDataRetention: contradicts provider.zdr, which asks",
        ),
        (
            {
                "plugins": [{"id": "auto-router", "cost_tier": "low"}],
                "routing_constraint": {"cost_constraint": {"numeric_value": 1}},
            },
            "routing_constraint.cost_constraint: contradicts plugins[0].cost_tier; say one of them",
        ),
        (
            {"provider": {"ignore": ["OpenAI"]}, "providerOptions": {"gateway": {"only": ["openai"]}}},
            "provider.ignore: contradicts providerOptions.gateway.only: 'openai' is in both; say one of them",
        ),
        ({"provider": {"quantizations": ["fp8", "q4"]}}, "provider.quantizations[1]: found 'q4', expected one of int4"),
    ],
)
def test_contradictions_are_refused_by_both_names(fields: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_routing(members(**fields))
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("name", "spoken", "path"),
    [
        ("provider", b'{"only":["a"],"only":["b"]}', "provider"),
        ("provider", b'{"sort":{"by":"price","by":"latency"}}', r"provider\.sort"),
        ("provider", b'{"max_price":{"prompt":1,"prompt":2}}', r"provider\.max_price"),
        ("plugins", b'[{"id":"auto-router","cost_tier":"low","cost_tier":"max"}]', r"plugins\[0\]"),
        ("providerOptions", b'{"gateway":{"only":["a"],"only":["b"]}}', r"providerOptions\.gateway"),
        ("routing_constraint", b'{"cost_constraint":{},"cost_constraint":{}}', "routing_constraint"),
    ],
)
def test_a_wish_said_twice_in_one_object_is_refused(name: str, spoken: bytes, path: str) -> None:
    with pytest.raises(Misfit, match=f"^{path}: ambiguous: the key '[a-z_]+' is there twice"):
        decode_routing({"model": Raw(b'"m"'), name: Raw(spoken)})


def test_without_a_model_the_first_of_models_is_meant() -> None:
    said = members(models=["a", "b"])
    assert take_model(said) == "a"
    assert decode_routing(said).models == ("a", "b")
    assert take_model(members(model="m", models=["a"])) == "m"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "model: missing, expected a string"),
        ({"models": []}, "model: missing, expected a string"),
        ({"models": [""]}, "models[0]: found an empty string"),
        ({"models": "a"}, "models: found a string, expected a list of strings"),
        ({"model": None, "models": ["a"]}, "model: found null, expected a string"),
    ],
)
def test_without_any_name_a_request_is_refused(fields: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        take_model(members(**fields))
    assert str(caught.value).startswith(fault)
