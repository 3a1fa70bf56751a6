"""Hold `docs/reference/asking.md` to the code: every spelling of the page does what the page says, in four protocols.

Then let anything at all stand in these fields: it gives a decision or an error of the caller's, never one of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config.rows import builtin
from gearshift.errors import CallerError
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.registry import CODECS
from gearshift.protocols.steering import REMOVED, SHARED
from gearshift.routing.decide import decide
from gearshift.routing.policy import Best
from gearshift.routing.router import Router, RouterTable
from gearshift.server.steering import NAMED, SESSIONS, steer
from gearshift.types.catalog import Quirks, Terms
from gearshift.types.chat import Routing
from gearshift.types.decision import Decision, WillingnessToPay
from gearshift.types.inbound import Inbound
from tests.unit.routing.scene import Loaded, Oracle, deployment, world

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/asking.md").read_text(encoding="utf-8")
OUTCOMES = ("honoured", "named", "refused", "carried")
BODIES: dict[str, tuple[str, dict[str, object]]] = {
    "openai_chat": ("/v1/chat/completions", {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}),
    "openai_responses": ("/v1/responses", {"model": "auto", "input": "Hi"}),
    "anthropic_messages": (
        "/v1/messages",
        {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    ),
    "gemini": (
        "/v1beta/models/auto:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    ),
}
AUTO = "auto-router"
NUMBER = {"numeric_value": 0.5}


def gateway(**fields: object) -> dict[str, object]:
    return {"providerOptions": {"gateway": fields}}


def plugin(**fields: object) -> dict[str, object]:
    return {"plugins": [{"id": AUTO, **fields}]}


EXAMPLES: dict[str, dict[str, object]] = {
    "models": {"models": ["small", "large"]},
    "provider.order": {"provider": {"order": ["lab"]}},
    "provider.only": {"provider": {"only": ["lab"]}},
    "provider.ignore": {"provider": {"ignore": ["deepinfra"]}},
    "provider.allow_fallbacks": {"provider": {"allow_fallbacks": False}},
    "provider.require_parameters": {"provider": {"require_parameters": True}},
    "provider.data_collection": {"provider": {"data_collection": "deny"}},
    "provider.zdr": {"provider": {"zdr": True}},
    "provider.enforce_distillable_text": {"provider": {"enforce_distillable_text": True}},
    "provider.quantizations": {"provider": {"quantizations": ["fp8"]}},
    "provider.sort": {"provider": {"sort": {"by": "price", "partition": "none"}}},
    "provider.sort: exacto": {"provider": {"sort": "exacto"}},
    "provider.preferred_min_throughput": {"provider": {"preferred_min_throughput": {"p90": 50}}},
    "provider.preferred_max_latency": {"provider": {"preferred_max_latency": 3}},
    "provider.max_price": {"provider": {"max_price": {"prompt": 1, "completion": "2"}}},
    "provider.max_price.audio": {"provider": {"max_price": {"audio": 1}}},
    "provider.options": {"provider": {"options": {"openai": {"max_tokens": 1000}}}},
    "plugins.auto-router.allowed_models": plugin(allowed_models=["s*"]),
    "plugins.auto-router.excluded_models": plugin(excluded_models=["lar*"]),
    "plugins.auto-router.cost_tier": plugin(cost_tier="low"),
    "plugins.auto-router.enabled": plugin(enabled=False),
    "plugins.auto-router.cost_quality_tradeoff": plugin(cost_quality_tradeoff=7),
    "plugins.auto-router.pin_model": plugin(pin_model=True),
    "transforms": {"transforms": ["middle-out"]},
    "route": {"route": "fallback"},
    "usage": {"usage": {"include": True}},
    "session_id": {"session_id": "s-1"},
    "user": {"user": "u-1"},
    "routing_constraint.cost_constraint": {"routing_constraint": {"cost_constraint": NUMBER}},
    "routing_constraint.quality_constraint": {"routing_constraint": {"quality_constraint": {"model_name": "large"}}},
    "gateway.order": gateway(order=["lab"]),
    "gateway.only": gateway(only=["lab"]),
    "gateway.models": gateway(models=["small"]),
    "gateway.sort": gateway(sort="cost"),
    "gateway.zeroDataRetention": gateway(zeroDataRetention=True),
    "gateway.disallowPromptTraining": gateway(disallowPromptTraining=True),
    "providerOptions.openai": {"providerOptions": {"openai": {"store": False}}},
}


def rows() -> Iterator[tuple[str, str]]:
    """Give each spelling of the page with its outcome."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        outcome = next((cell for cell in cells[1:3] if cell in OUTCOMES), None)
        if line.startswith("| `") and outcome is not None:
            yield from ((spelling, outcome) for spelling in re.findall(r"`([^`]+)`", cells[0]))


ROWS = dict(rows())
HEADERS = {name: outcome for name, outcome in ROWS.items() if "-" in name and "." not in name and ":" not in name}
HEADERS["session_id"] = "honoured"
SUFFIXES = {name: outcome for name, outcome in ROWS.items() if name.startswith(":")}
FIELDS = {name: outcome for name, outcome in ROWS.items() if name not in {*HEADERS, *SUFFIXES}} | {
    "session_id": "honoured"
}


def example(name: str) -> dict[str, object]:
    """Give the fields that say a spelling."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    family, _, word = name.partition(".")
    return {"plugins": [{"id": word}]} if family == "plugins" else gateway(**{word: "x"})


FREE = Terms(data_collection="deny", zdr=True, distillable=True, quantization="fp8")
SMALL, LARGE = (
    msgspec.structs.replace(deployment(name, usd=usd), terms=FREE) for name, usd in (("small", 0.5), ("large", 1.0))
)
NAMED_ROUTERS = {each.model: Router(name=each.model, deployments=(each,), named=True) for each in (SMALL, LARGE)}
TABLE = RouterTable(
    {
        "auto": Router(
            name="auto",
            deployments=(SMALL, LARGE),
            policy=Best(),
            objective=WillingnessToPay(usd=1.0),
            predictor=Oracle({}),
        )
    },
    NAMED_ROUTERS,
)
FAMILIES = sorted(BODIES)


def said(protocol: str, fields: dict[str, object]) -> tuple[bytes, str]:
    path, body = BODIES[protocol]
    return json.dumps({**body, **fields}).encode(), path


def decided(protocol: str, body: bytes, path: str) -> Decision:
    request = CODECS[protocol].decode_request(body, path)
    return decide(request, world(SMALL, LARGE), TABLE.resolve(request), Loaded())


DONE_ANYWAY = {"route", "usage", "plugins.auto-router.enabled"}


@pytest.mark.parametrize("protocol", FAMILIES)
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_does_what_the_page_says(name: str, protocol: str) -> None:
    decision = decided(protocol, *said(protocol, example(name)))
    assert decision.plan, decision.rejected
    assert bool(decision.unmet) is (FIELDS[name] == "named"), decision.unmet
    assert all(wish.detail for wish in decision.unmet)
    if FIELDS[name] == "honoured" and name not in DONE_ANYWAY:
        body, path = said(protocol, example(name))
        assert CODECS[protocol].decode_request(body, path).routing != Routing()


@pytest.mark.parametrize("name", SUFFIXES)
def test_a_suffix_does_what_the_page_says(name: str) -> None:
    body, path = said("openai_chat", {"model": f"small{name}"})
    if SUFFIXES[name] == "refused":
        with pytest.raises(CallerError, match=f"at OpenRouter {name} is ") as caught:
            decided("openai_chat", body, path)
        assert caught.value.status == 404
        return
    assert bool(decided("openai_chat", body, path).unmet) is (SUFFIXES[name] == "named")


# developers.cloudflare.com/changelog/post/2025-02-05-aig-request-handling (the timeout), .../ai-gateway/glossary (the
# names); openai/codex codex-rs/codex-api/src/requests/headers.rs (`session-id`; `session_id` before 2026): 2026-11-27
VALUES = {"cf-aig-metadata": '{"team":"search"}', "cf-aig-request-timeout": "5000", "cf-aig-skip-cache": "true"}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_does_what_the_page_says(name: str) -> None:
    plain = Inbound(path="/", body=b"", began=0.0)
    value = VALUES.get(name, "60" if name == "cf-aig-cache-ttl" else "s-1")
    told = steer({"type": "http", "headers": [(name.encode(), value.encode())]}, plain, None)
    assert told.dropped == ((name,) if HEADERS[name] == "named" else ())
    if HEADERS[name] == "honoured" and name != "cf-aig-skip-cache":  # there is no cache to skip
        assert msgspec.structs.replace(told, dropped=()) != plain


def test_every_header_that_the_code_knows_is_on_the_page() -> None:
    known = {name.decode() for name in (*NAMED, *SESSIONS)}
    assert known <= set(HEADERS)


OPENROUTER = builtin()["openrouter"].quirks.quirks
WORDS = {*REMOVED, *SHARED}


@pytest.mark.parametrize("protocol", FAMILIES)
@pytest.mark.parametrize("name", FIELDS)
def test_a_provider_is_sent_no_word_that_it_does_not_understand(name: str, protocol: str) -> None:
    body, _ = said(protocol, example(name))
    sent = json.loads(CODECS[protocol].patch_request(body, RequestEdits(model="up")))
    assert WORDS.isdisjoint(sent)
    plain = json.loads(CODECS[protocol].patch_request(said(protocol, {})[0], RequestEdits(model="up")))
    assert {word: value for word, value in sent.items() if word != "user"} == plain


TOLD = re.findall(r"^\| (`[^|]+) \| \w+ \|[^|]*\| `(\w+)` \|$", PAGE, re.MULTILINE)
TOLD_TO = [(name, word) for names, word in TOLD for name in re.findall(r"`([^`]+)`", names)]


@pytest.mark.parametrize(("name", "word"), TOLD_TO)
def test_openrouter_is_told_what_the_page_says(name: str, word: str) -> None:
    fields = example(name)
    body, path = said("openai_chat", fields)
    sent = json.loads(CODECS["openai_chat"].patch_request(body, RequestEdits(model="up", quirks=OPENROUTER)))
    assert sent[word] == fields[word]
    knowing = [
        msgspec.structs.replace(each, provider=msgspec.structs.replace(each.provider, quirks=OPENROUTER))
        for each in (SMALL, LARGE)
    ]
    table = RouterTable({"auto": msgspec.structs.replace(TABLE.routers["auto"], deployments=tuple(knowing))}, {})
    request = CODECS["openai_chat"].decode_request(body, path)
    assert decide(request, world(*knowing), table.resolve(request), Loaded()).unmet == ()


def test_openrouter_is_told_all_but_what_is_ours() -> None:
    untold = set(FIELDS) - {name for name, _ in TOLD_TO}
    assert len(TOLD_TO) >= 18
    for name in sorted(untold - {"user", "providerOptions.openai"}):
        body, _ = said("openai_chat", example(name))
        sent = json.loads(CODECS["openai_chat"].patch_request(body, RequestEdits(model="up", quirks=OPENROUTER)))
        expected = {"provider"} if name in {"gateway.zeroDataRetention", "gateway.disallowPromptTraining"} else set()
        assert WORDS.intersection(sent) == expected, name


@pytest.mark.parametrize("protocol", FAMILIES)
def test_a_demand_reaches_an_upstream_of_another_protocol_too(protocol: str) -> None:
    fields: dict[str, object] = {"provider": {"zdr": True, "only": ["lab"], "max_price": {"prompt": 0.5}}}
    request = CODECS[protocol].decode_request(*said(protocol, fields))
    foreign = msgspec.structs.replace(request, extra={})
    encoded = CODECS["openai_chat"].encode_request(foreign, RequestEdits(model="up", quirks=OPENROUTER))
    assert json.loads(encoded.body)["provider"] == {"zdr": True, "max_price": {"prompt": 0.5}}


KEYS = [
    "only",
    "order",
    "ignore",
    "sort",
    "by",
    "partition",
    "zdr",
    "max_price",
    "prompt",
    "quantizations",
    "id",
    "allowed_models",
    "cost_tier",
    "gateway",
    "models",
    "cost_constraint",
    "quality_constraint",
    "numeric_value",
    "model_name",
    "preferred_min_throughput",
    "p50",
    "p90",
    "require_parameters",
]
WORDS_OF_CALLERS = ["small", "large", "lab", "auto", "low", "price", "deny", "fp8", "1e999", "auto-router", "web"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(WORDS_OF_CALLERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=20,
)


def fault(protocol: str, fields: dict[str, object]) -> CallerError | None:
    """Decide on a request, and say it upstream; the only way out is an error of the caller's."""
    body, path = said(protocol, fields)
    try:
        decision = decided(protocol, body, path)
        for quirks in (Quirks(), OPENROUTER):
            CODECS[protocol].patch_request(body, RequestEdits(model="up", quirks=quirks))
    except CallerError as error:
        return error
    assert decision.plan or decision.rejected
    return None


def answered(protocol: str, fields: dict[str, object]) -> None:
    """Hold an error to what a caller can use."""
    error = fault(protocol, fields)
    if error is not None:
        assert 400 <= error.status < 500
        assert 0 < len(error.message) < 2_000


@given(st.sampled_from(FAMILIES), st.sampled_from(sorted(WORDS)), JSON)
def test_anything_at_all_may_stand_in_a_field(protocol: str, name: str, value: object) -> None:
    answered(protocol, {name: value})


@given(st.sampled_from(FAMILIES), st.sampled_from(sorted({name.split(".")[1] for name in FIELDS if "." in name})), JSON)
def test_anything_at_all_may_stand_further_in(protocol: str, name: str, value: object) -> None:
    answered(protocol, {"provider": {name: value}})
    answered(protocol, {"providerOptions": {"gateway": {name: value}}})
    answered(protocol, {"plugins": [{"id": AUTO, name: value}]})
    answered(protocol, {"routing_constraint": {name: value}})


@given(
    st.sampled_from(["models", *SUFFIXES]), st.text(max_size=12), st.lists(st.sampled_from(sorted(FIELDS)), max_size=4)
)
def test_wishes_may_be_mixed(suffix: str, name: str, names: list[str]) -> None:
    fields: dict[str, object] = {"model": f"{name}{suffix}" if suffix.startswith(":") else "auto"}
    for each in names:
        fields |= example(each)
    answered("openai_chat", fields)
