from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.steering import (
    MAX_NAMES,
    PROVIDER_LATER,
    TIERS,
    checked_name,
    decode_routing,
    strip_routing,
)
from gearshift.types.chat import Routing


def members(**fields: object) -> dict[str, Raw]:
    return msgspec.json.decode(msgspec.json.encode(fields), type=dict[str, Raw])


def test_a_request_that_steers_nothing_is_left_alone() -> None:
    said = members(model="m", temperature=1)
    assert decode_routing(said) == Routing()
    assert said == members(model="m", temperature=1)
    assert strip_routing(said) == {}


def test_every_wish_is_understood() -> None:
    said = members(
        models=["a", "b"],
        provider={"only": ["p"], "ignore": ["q"], "order": ["r", "s"], "allow_fallbacks": False},
        plugins=[{"id": "auto-router", "allowed_models": ["a/*"], "excluded_models": ["b"], "cost_tier": "low"}],
        session_id="s-1",
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
        cost_tier="low",
        session_id="s-1",
    )
    assert said == members(model="auto")
    assert stripped == dict.fromkeys(["models", "provider", "plugins", "session_id"])


def test_the_gateway_options_of_vercel_are_understood() -> None:
    said = members(providerOptions={"gateway": {"only": ["p"], "order": ["q"], "models": ["a"]}})
    assert strip_routing(said) == {"providerOptions": None}
    assert decode_routing(said) == Routing(only=("p",), order=("q",), models=("a",))
    assert said == {}


def test_what_others_share_with_us_goes_on() -> None:
    said = members(
        plugins=[{"id": "web", "max_results": 3}, {"id": "auto-router"}],
        providerOptions={"gateway": {"only": ["p"]}, "anthropic": {"thinking": 1}},
    )
    rest = {"plugins": b'[{"id":"web","max_results":3}]', "providerOptions": b'{"anthropic":{"thinking":1}}'}
    assert strip_routing(said) == rest
    assert decode_routing(said) == Routing(only=("p",))
    assert {name: bytes(raw) for name, raw in said.items()} == rest


@pytest.mark.parametrize("spoken", [b'[ {"id":"web"} ]', b"[]", b"null"])
def test_plugins_of_others_are_not_touched(spoken: bytes) -> None:
    said = {"plugins": Raw(spoken)}
    assert strip_routing(said) == ({"plugins": spoken} if b"web" in spoken else {"plugins": None})
    assert decode_routing(said) == Routing()


def test_options_of_others_are_not_touched() -> None:
    said = {"providerOptions": Raw(b'{ "openai":{} }')}
    assert strip_routing(said) == {"providerOptions": b'{ "openai":{} }'}
    assert decode_routing(said) == Routing()
    assert said == {"providerOptions": Raw(b'{ "openai":{} }')}


WRONG = [
    ({"routing_constraint": {"cost_constraint": {}}}, "routing_constraint: not supported yet; choose a router with"),
    ({"routing_constraint": 5}, "routing_constraint: found a number, expected an object"),
    ({"provider": "openai"}, "provider: found a string, expected an object"),
    ({"provider": {"only": "openai"}}, "provider.only: found a string, expected a list of strings"),
    ({"provider": {"only": ["a", 5]}}, "provider.only[1]: found a number, expected a string"),
    ({"provider": {"allow_fallbacks": 1}}, "provider.allow_fallbacks: found a number, expected a boolean"),
    ({"provider": {"onyl": []}}, "provider.onyl: not known here, expected one of only, ignore, order, allow_fallbacks"),
    ({"provider": {"sort": "cheap"}}, "provider.sort: found 'cheap', expected one of price, throughput, latency"),
    ({"provider": {"sort": 5}}, "provider.sort: found a number, expected a string"),
    ({"provider": {"sort": {"by": "fast"}}}, "provider.sort.by: found 'fast', expected one of price, throughput"),
    ({"provider": {"sort": {"partition": "all"}}}, "provider.sort.partition: found 'all', expected one of model, none"),
    ({"provider": {"sort": {"on": "price"}}}, "provider.sort.on: not known here, expected one of by, partition"),
    (
        {"provider": {"preferred_max_latency": "2s"}},
        "provider.preferred_max_latency: found a string, expected a number",
    ),
    ({"provider": {"preferred_max_latency": 0}}, "provider.preferred_max_latency: found 0, expected seconds above 0"),
    (
        {"provider": {"preferred_max_latency": {"p95": 1}}},
        "provider.preferred_max_latency.p95: not known here, expected one of p50, p75, p90, p99",
    ),
    ({"models": ["a", ""]}, "models[1]: found an empty string, expected 1 to 256 printable characters"),
    ({"models": ["a"] * (MAX_NAMES + 1)}, "models: found 1001 names, expected at most 1000"),
    ({"session_id": ""}, "session_id: found an empty string, expected"),
    ({"plugins": {}}, "plugins: found an object, expected a list"),
    ({"plugins": [5]}, "plugins[0]: found a number, expected an object"),
    ({"plugins": [{"id": 5}]}, "plugins[0].id: found a number, expected a string"),
    (
        {"plugins": [{"id": "web"}, {"id": "auto-router", "cost_tier": "cheap"}]},
        "plugins[1].cost_tier: found 'cheap', expected one of low, medium, high, xhigh, max",
    ),
    (
        {"plugins": [{"id": "auto-router", "allowed": []}]},
        "plugins[0].allowed: not known here, expected one of allowed_models, excluded_models, cost_tier",
    ),
    ({"providerOptions": []}, "providerOptions: found a list, expected an object"),
    ({"providerOptions": {"gateway": 5}}, "providerOptions.gateway: found a number, expected an object"),
    (
        {"providerOptions": {"gateway": {"sort": "cost"}}},
        "providerOptions.gateway.sort: not supported yet; leave it out",
    ),
    (
        {"plugins": [{"id": "auto-router", "cost_tier": "low"}, {"id": "auto-router", "cost_tier": "max"}]},
        "plugins[1].cost_tier: said in two places, which may differ; say it once",
    ),
    (
        {"models": ["a"], "providerOptions": {"gateway": {"models": ["b"]}}},
        "providerOptions.gateway.models: said in two places, which may differ; say it once",
    ),
]


@pytest.mark.parametrize(("fields", "fault"), WRONG)
def test_a_wrong_wish_is_refused_in_words(fields: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_routing(members(**fields))
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("provider", "routing"),
    [
        ({"sort": "price"}, Routing(sort="price")),
        ({"sort": None, "preferred_max_latency": None}, Routing()),
        ({"sort": {"by": "latency"}}, Routing(sort="latency")),
        ({"sort": {"by": "throughput", "partition": "model"}}, Routing(sort="throughput")),
        ({"sort": {"by": "price", "partition": "none"}}, Routing(sort="price", sort_across=True)),
        ({"sort": {"by": None, "partition": None}}, Routing()),
        ({"preferred_max_latency": 2}, Routing(preferred_max_latency=(("p50", 2.0),))),
        (
            {"preferred_max_latency": {"p99": 5, "p50": 0.5, "p75": None}},
            Routing(preferred_max_latency=(("p50", 0.5), ("p99", 5.0))),
        ),
    ],
)
def test_sorting_and_patience_are_read_as_openrouter_spells_them(provider: object, routing: Routing) -> None:
    assert decode_routing(members(provider=provider)) == routing


@pytest.mark.parametrize("name", PROVIDER_LATER)
def test_a_wish_that_we_cannot_honour_is_never_ignored(name: str) -> None:
    with pytest.raises(Misfit, match=f"^provider.{name}: not supported yet; leave it out$"):
        decode_routing(members(provider={name: True}))


@pytest.mark.parametrize("tier", TIERS)
def test_every_cost_tier_is_known(tier: str) -> None:
    said = members(plugins=[{"id": "auto-router", "cost_tier": tier}])
    assert decode_routing(said).cost_tier == tier


@pytest.mark.parametrize("name", ["m", "openai/gpt-5.5:floor", "m" * 256, "modèle 1"])
def test_a_name_may_be_what_can_be_printed(name: str) -> None:
    assert checked_name(name, "model") == name


@pytest.mark.parametrize(
    ("name", "spoken", "path"),
    [
        ("provider", b'{"only":["a"],"only":["b"]}', "provider"),
        ("provider", b'{"sort":{"by":"price","by":"latency"}}', r"provider\.sort"),
        ("plugins", b'[{"id":"auto-router","cost_tier":"low","cost_tier":"max"}]', r"plugins\[0\]"),
        ("providerOptions", b'{"gateway":{"only":["a"],"only":["b"]}}', r"providerOptions\.gateway"),
    ],
)
def test_a_wish_said_twice_in_one_object_is_refused(name: str, spoken: bytes, path: str) -> None:
    with pytest.raises(Misfit, match=f"^{path}.?: ambiguous: the key '[a-z_]+' is there twice"):
        decode_routing({"model": Raw(b'"m"'), name: Raw(spoken)})
