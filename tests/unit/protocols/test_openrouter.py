"""Each example is the published one of the page that its comment names, all read 2026-11-27."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openrouter import (
    PROVIDER,
    decode_plugins,
    decode_provider,
    decode_rest,
    patch_provider,
    say_provider,
)
from gearshift.protocols.wishes import Wishes
from gearshift.types.asking import MaxPrice
from gearshift.types.chat import Routing

USD = 1_000_000_000
DOCS = "https://openrouter.ai/docs/guides/routing/provider-selection"
AUTO = "https://openrouter.ai/docs/guides/routing/routers/auto-router"


def members(**fields: object) -> dict[str, Raw]:
    return msgspec.json.decode(msgspec.json.encode(fields), type=dict[str, Raw])


def decoded(said: dict[str, Raw]) -> Routing:
    wishes = Wishes()
    decode_provider(wishes, said)
    decode_plugins(wishes, said)
    decode_rest(wishes, said)
    return wishes.routing()


PUBLISHED = [
    (f"{DOCS}#ordering-specific-providers", {"order": ["openai", "together"]}, Routing(order=("openai", "together"))),
    (
        f"{DOCS}#disabling-fallbacks",
        {"order": ["openai", "together"], "allow_fallbacks": False},
        Routing(order=("openai", "together"), allow_fallbacks=False),
    ),
    (f"{DOCS}#allowing-only-specific-providers", {"only": ["azure"]}, Routing(only=("azure",))),
    (f"{DOCS}#ignoring-providers", {"ignore": ["deepinfra"]}, Routing(ignore=("deepinfra",))),
    (
        f"{DOCS}#requiring-providers-to-support-all-parameters",
        {"require_parameters": True},
        Routing(require_parameters=True),
    ),
    (
        f"{DOCS}#requiring-providers-to-comply-with-data-policies",
        {"data_collection": "deny"},
        Routing(no_collection=True),
    ),
    (f"{DOCS}#zero-data-retention-enforcement", {"zdr": True}, Routing(zdr=True)),
    (f"{DOCS}#distillable-text-enforcement", {"enforce_distillable_text": True}, Routing(distillable=True)),
    (f"{DOCS}#quantization", {"quantizations": ["fp8"]}, Routing(quantizations=("fp8",))),
    (f"{DOCS}#provider-sorting", {"sort": "throughput"}, Routing(sort="throughput")),
    (
        f"{DOCS}#advanced-sorting-with-partition",
        {"sort": {"by": "price", "partition": "none"}, "preferred_min_throughput": {"p90": 50}},
        Routing(sort="price", sort_across=True, preferred_min_throughput=(("p90", 50.0),)),
    ),
    (
        f"{DOCS}#example-using-multiple-percentile-cutoffs",
        {
            "preferred_max_latency": {"p50": 1, "p90": 3, "p99": 5},
            "preferred_min_throughput": {"p50": 100, "p90": 50},
        },
        Routing(
            preferred_max_latency=(("p50", 1.0), ("p90", 3.0), ("p99", 5.0)),
            preferred_min_throughput=(("p50", 100.0), ("p90", 50.0)),
        ),
    ),
    (
        f"{DOCS}#max-price",
        {"max_price": {"prompt": 1, "completion": 2}},
        Routing(max_price=MaxPrice(prompt=USD, completion=2 * USD)),
    ),
    (
        "https://openrouter.ai/docs/agent-sdk/typescript/models/providerpreferencesmaxprice (strings)",
        {"max_price": {"request": "0.5", "image": "1000"}},
        Routing(max_price=MaxPrice(request=USD // 2, image=1000 * USD)),
    ),
]


@pytest.mark.parametrize(("source", "provider", "routing"), PUBLISHED, ids=[each[0] for each in PUBLISHED])
def test_every_published_wish_is_read(source: str, provider: object, routing: Routing) -> None:
    assert source.startswith("https://openrouter.ai/docs/")
    assert decoded(members(provider=provider)) == routing


def test_every_field_of_provider_has_an_example() -> None:
    told = {name for _, provider, _ in PUBLISHED if isinstance(provider, dict) for name in provider}
    assert set(PROVIDER) - told == {"options"}


def test_the_auto_router_is_read_as_published() -> None:  # AUTO, and the example of the schema `AutoRouterPlugin`
    assert AUTO
    plugin = {
        "id": "auto-router",
        "enabled": True,
        "allowed_models": ["anthropic/*", "openai/*"],
        "excluded_models": ["openai/gpt-4o"],
        "cost_tier": "medium",
        "pin_model": False,
    }
    said = members(plugins=[plugin])
    assert decoded(said) == Routing(
        allowed=("anthropic/*", "openai/*"), excluded=("openai/gpt-4o",), cost_tier="medium"
    )
    assert said == {}


def test_an_auto_router_that_is_switched_off_is_checked_and_has_no_say() -> None:
    off = {"id": "auto-router", "enabled": False, "allowed_models": ["a"], "cost_tier": "low", "pin_model": True}
    assert decoded(members(plugins=[off])) == Routing()
    with pytest.raises(Misfit, match=r"^plugins\[0\].cost_tier: found 'x'"):
        decoded(members(plugins=[{**off, "cost_tier": "x"}]))


@pytest.mark.parametrize(
    "name",
    [
        "web",
        "file-parser",
        "response-healing",
        "moderation",
        "pareto-router",
    ],
)
def test_other_plugins_are_named_and_stay_for_an_upstream_that_has_them(name: str) -> None:
    said = {"plugins": Raw(b'[ {"id":"%b"}, {"id":"auto-router"}]' % name.encode())}
    (found,) = decoded(said).unmet
    assert (found.field, found.word) == (f"plugins.{name}", "plugins")
    assert bytes(said["plugins"]) == b'[{"id":"%b"}]' % name.encode()


def test_a_plugin_that_is_switched_off_is_not_missed() -> None:
    assert decoded(members(plugins=[{"id": "web", "enabled": False}])) == Routing()


def test_what_openrouter_alone_has_is_named() -> None:
    said = members(
        provider={"sort": "exacto", "options": {"openai": {"x": 1}}, "max_price": {"audio": 1}},
        plugins=[{"id": "auto-router", "cost_quality_tradeoff": 7, "pin_model": True}],
        transforms=["inside-out"],
        route="sort",
    )
    found = [(each.field, each.word) for each in decoded(said).unmet]
    assert found == [
        ("provider.sort", "provider"),
        ("provider.max_price.audio", "provider"),
        ("provider.options", "provider"),
        ("plugins[0].cost_quality_tradeoff", ""),
        ("plugins[0].pin_model", ""),
        ("transforms", "transforms"),
        ("route", ""),
    ]
    assert said == members(transforms=["inside-out"])


def test_what_is_done_anyway_is_no_wish() -> None:
    said = members(transforms=[], route="fallback", usage={"include": True}, provider={"data_collection": "allow"})
    assert decoded(said) == Routing()
    assert said == {}


def test_openrouter_is_told_what_it_enforces_and_no_names_of_ours() -> None:
    spoken = b'{ "only":["lab"], "zdr" : true,"max_price":{"prompt":0.10}, "sort":"price","order":["x"] }'
    told = patch_provider(spoken, Routing(zdr=True))
    assert told == b'{ "zdr" : true,"max_price":{"prompt":0.10}, "sort":"price" }'
    assert patch_provider(b'{"only":["lab"]}', Routing()) is None
    assert patch_provider(b"null", Routing()) is None
    assert patch_provider(b"", Routing(zdr=True, no_collection=True)) == b'{"zdr":true,"data_collection":"deny"}'


@pytest.mark.parametrize("provider", [each[1] for each in PUBLISHED], ids=[each[0] for each in PUBLISHED])
def test_what_is_said_anew_means_the_same(provider: dict[str, object]) -> None:
    routing = decoded(members(provider=provider))
    again = decoded(members(provider=say_provider(routing)))
    bare = msgspec.structs.replace(routing, only=(), ignore=(), order=(), allow_fallbacks=True)
    assert again == bare


WRONG = [
    ({"provider": "openai"}, "provider: found a string, expected an object"),
    ({"provider": {"only": "openai"}}, "provider.only: found a string, expected a list of strings"),
    ({"provider": {"only": ["a", 5]}}, "provider.only[1]: found a number, expected a string"),
    ({"provider": {"allow_fallbacks": 1}}, "provider.allow_fallbacks: found a number, expected a boolean"),
    ({"provider": {"require_parameters": "yes"}}, "provider.require_parameters: found a string, expected a boolean"),
    ({"provider": {"zdr": 1}}, "provider.zdr: found a number, expected a boolean"),
    ({"provider": {"data_collection": "none"}}, "provider.data_collection: found 'none', expected one of allow, deny"),
    ({"provider": {"onyl": []}}, "provider.onyl: not known here, expected one of order, only, ignore"),
    ({"provider": {"sort": "cheap"}}, "provider.sort: found 'cheap', expected one of price, throughput, latency"),
    ({"provider": {"sort": 5}}, "provider.sort: found a number, expected a string"),
    ({"provider": {"sort": {"by": "fast"}}}, "provider.sort.by: found 'fast', expected one of price, throughput"),
    ({"provider": {"sort": {"partition": "all"}}}, "provider.sort.partition: found 'all', expected one of model, none"),
    ({"provider": {"sort": {"on": "price"}}}, "provider.sort.on: not known here, expected one of by, partition"),
    ({"provider": {"preferred_max_latency": "2s"}}, "provider.preferred_max_latency: found a string, expected a"),
    ({"provider": {"preferred_max_latency": 0}}, "provider.preferred_max_latency: found 0, expected seconds above 0"),
    (
        {"provider": {"preferred_min_throughput": {"p50": -1}}},
        "provider.preferred_min_throughput: found -1, expected tokens per second above 0",
    ),
    (
        {"provider": {"preferred_max_latency": {"p95": 1}}},
        "provider.preferred_max_latency.p95: not known here, expected one of p50, p75, p90, p99",
    ),
    ({"provider": {"max_price": 5}}, "provider.max_price: found a number, expected an object"),
    ({"provider": {"max_price": {"prompt": "x"}}}, "provider.max_price.prompt: found another string, expected US"),
    ({"provider": {"max_price": {"token": 1}}}, "provider.max_price.token: not known here, expected one of prompt"),
    ({"provider": {"options": 5}}, "provider.options: found a number, expected an object"),
    ({"plugins": {}}, "plugins: found an object, expected a list"),
    ({"plugins": [5]}, "plugins[0]: found a number, expected an object"),
    ({"plugins": [{}]}, "plugins[0].id: missing, expected a string"),
    ({"plugins": [{"id": 5}]}, "plugins[0].id: found a number, expected a string"),
    (
        {"plugins": [{"id": "web"}, {"id": "auto-router", "cost_tier": "cheap"}]},
        "plugins[1].cost_tier: found 'cheap', expected one of low, medium, high, xhigh, max",
    ),
    ({"plugins": [{"id": "auto-router", "allowed": []}]}, "plugins[0].allowed: not known here, expected one of id"),
    (
        {"plugins": [{"id": "auto-router", "cost_tier": "low"}, {"id": "auto-router", "cost_tier": "max"}]},
        "plugins[1].cost_tier: contradicts plugins[0].cost_tier, which asks for the same thing; say one of them",
    ),
    ({"transforms": "middle-out"}, "transforms: found a string, expected a list of strings"),
    ({"route": 5}, "route: found a number, expected a string"),
    ({"usage": 5}, "usage: found a number, expected an object"),
]


@pytest.mark.parametrize(("fields", "fault"), WRONG)
def test_a_wrong_wish_is_refused_in_words(fields: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decoded(members(**fields))
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    "said",
    [
        {"transforms": ["middle-out"]},
        {"plugins": [{"id": "context-compression"}]},
        {"plugins": [{"id": "context-compression", "enabled": True, "engine": "middle-out"}]},
        {"transforms": ["middle-out"], "plugins": [{"id": "context-compression"}]},
    ],
)
def test_a_long_conversation_may_lose_its_middle_in_either_spelling(said: dict[str, object]) -> None:
    spoken = members(**said)
    assert decoded(spoken) == Routing(middle_out=True)
    assert spoken == members(**said)  # for an upstream that does it itself


def test_another_way_to_shorten_is_named() -> None:
    found = decoded(members(transforms=["middle-out", "x"], plugins=[{"id": "context-compression", "engine": "y"}]))
    assert found.middle_out
    assert {each.field for each in found.unmet} == {"transforms", "plugins.context-compression"}
    assert decoded(members(plugins=[{"id": "context-compression", "enabled": False}])) == Routing()
