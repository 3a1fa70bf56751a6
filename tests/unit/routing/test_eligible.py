from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gearshift.routing.eligible import affordable, needs, split
from gearshift.tokens import SHORT_ANSWER
from gearshift.types.catalog import CAPABILITIES, Deployment
from gearshift.types.chat import (
    Media,
    Message,
    Request,
    ResponseFormat,
    Routing,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from gearshift.types.decision import Health, Rejection, Snapshot
from tests.unit.routing.scene import IMAGE, deployment, estimate, request, says, world

PLAIN = request()


def asking(**changes: object) -> Request:
    return msgspec.structs.replace(PLAIN, **changes)


def refused(asked: Request, *deployments: Deployment, named: bool = False) -> list[Rejection]:
    fits, rejections = split(asked, deployments, world(*deployments), named=named)
    assert [each.id for each in deployments if each not in fits] == [each.deployment for each in rejections]
    return rejections


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        (PLAIN, set()),
        (asking(tools=(Tool(name="search"),)), {"tools"}),
        (asking(messages=(says(Text(text="look"), IMAGE),)), {"vision"}),
        (asking(messages=(says(Media(kind="audio", data="AAAA")),)), {"audio"}),
        (asking(messages=(says(Media(kind="file", data="AAAA")),)), {"files"}),
        (asking(messages=(says(ToolCall(id="1", name="search", arguments="{}")),)), {"tools"}),
        (asking(messages=(says(ToolResult(call_id="1", parts=(Text(text="found"), IMAGE))),)), {"tools", "vision"}),
        (asking(response_format=ResponseFormat(kind="text")), set()),
        (asking(response_format=ResponseFormat(kind="json_object")), {"json_object"}),
        (asking(response_format=ResponseFormat(kind="json_schema")), {"json_schema"}),
        (asking(sampling=Sampling(logprobs=True)), {"logprobs"}),
        (asking(sampling=Sampling(logprobs=False, top_logprobs=0)), set()),
        (asking(sampling=Sampling(top_logprobs=3)), {"logprobs"}),
        (asking(sampling=Sampling(n=1)), set()),
        (asking(sampling=Sampling(n=2)), {"n"}),
        (asking(sampling=Sampling(reasoning_effort="low")), {"reasoning"}),
        (asking(sampling=Sampling(seed=7, temperature=0.0)), set()),
    ],
)
def test_needs_follow_from_the_request(asked: Request, needed: set[str]) -> None:
    assert needs(asked) == needed
    assert needed <= CAPABILITIES


def test_a_plain_request_fits_wherever_the_price_is_known() -> None:
    some = [deployment("a", capabilities=None, context_window=None), deployment("b")]
    assert split(PLAIN, some, world(*some)) == (some, [])


def test_nothing_to_check_keeps_all() -> None:
    some = [deployment("a", usd=None), deployment("b")]
    assert split(PLAIN, some, world(*some), named=True) == (some, [])


def test_a_missing_capability() -> None:
    blind = deployment("small", capabilities=frozenset({"tools", "seed"}))
    assert refused(asking(messages=(says(IMAGE),)), blind, deployment("large")) == [
        Rejection(
            deployment="lab/small",
            reason="capability_missing",
            detail="it has seed, tools, the request needs vision; "
            "if it can, add it to models.small.capabilities in the config",
        )
    ]


def test_no_capability_at_all() -> None:
    (rejection,) = refused(asking(messages=(says(IMAGE),)), deployment("small", capabilities=frozenset()))
    assert rejection.detail.startswith("it has none, the request needs vision;")


def test_an_unknown_capability_names_the_key_to_add() -> None:
    asked = asking(tools=(Tool(name="search"),), sampling=Sampling(n=2))
    assert refused(asked, deployment("small", capabilities=None)) == [
        Rejection(
            deployment="lab/small",
            reason="capability_unknown",
            detail="what it can do is not known, the request needs n, tools; "
            "state models.small.capabilities in the config",
        )
    ]


def test_an_unknown_price() -> None:
    assert refused(PLAIN, deployment("small", usd=None)) == [
        Rejection(
            deployment="lab/small",
            reason="price_unknown",
            detail="what it charges is not known, so it cannot be weighed; "
            "add a price to its deployment in models.small in the config, or ask for it by name",
        )
    ]


def test_a_price_of_zero_is_known() -> None:
    assert refused(PLAIN, deployment("free", usd=0.0)) == []


def test_a_long_prompt_does_not_fit_a_small_window() -> None:
    asked = request(text="word " * 20_000)
    (rejection,) = refused(asked, deployment("small", context_window=8_192), deployment("open", context_window=None))
    assert rejection.reason == "context_window"
    assert rejection.detail.endswith(
        f"tokens of input and {SHORT_ANSWER} kept for the answer do not fit its window of 8192; "
        "shorten the input or lower max_tokens"
    )


def test_the_answer_that_is_asked_for_needs_room_too() -> None:
    asked = asking(sampling=Sampling(max_output_tokens=9_000))
    (rejection,) = refused(asked, deployment("small", context_window=8_192), deployment("large"))
    assert "9000 kept for the answer do not fit its window of 8192" in rejection.detail


@pytest.mark.parametrize("leave", [{"truncation": "auto"}, {"routing": Routing(middle_out=True)}])
def test_what_may_be_shortened_goes_to_who_takes_it_whole_if_anybody_does(leave: dict[str, Any]) -> None:
    asked = replace(request(text="word " * 9_000), **leave)
    small, large = deployment("small", context_window=4_096), deployment("large")
    assert split(asked, [small, large], world(small, large))[0] == [large]
    assert split(asked, [small], world(small))[0] == [small]


def test_a_longer_answer_than_the_deployment_gives() -> None:
    asked = asking(sampling=Sampling(max_output_tokens=4_097))
    assert refused(asked, deployment("small", max_output_tokens=4_096), deployment("large")) == [
        Rejection(
            deployment="lab/small",
            reason="context_window",
            detail="the request asks for 4097 tokens of answer, it gives at most 4096; lower max_tokens",
        )
    ]


def test_an_unhealthy_deployment() -> None:
    some = (deployment("a"), deployment("b"), deployment("c"))
    health = {"lab/a": Health(healthy=False, detail="5 of 5 attempts failed"), "lab/b": Health(), "lab/c": Health()}
    fits, rejections = split(PLAIN, some, Snapshot(now=0.0, deployments=some, health=health))
    assert [each.id for each in fits] == ["lab/b", "lab/c"]
    assert [(each.reason, each.detail) for each in rejections] == [
        ("unhealthy", "5 of 5 attempts failed; try again later")
    ]


def test_ill_health_without_a_word() -> None:
    some = (deployment("a"),)
    snapshot = Snapshot(now=0.0, deployments=some, health={"lab/a": Health(healthy=False)})
    assert split(PLAIN, some, snapshot)[1][0].detail == "it has been failing; try again later"


A, B = deployment("claude", provider="anthropic"), deployment("gpt", provider="openai")


@pytest.mark.parametrize(
    ("routing", "out", "reason", "detail"),
    [
        (
            Routing(only=("OpenAI",)),
            A.id,
            "not_allowed",
            "provider anthropic is not in the request's only: OpenAI; add it there or name another provider",
        ),
        (
            Routing(order=("openai",), allow_fallbacks=False),
            A.id,
            "not_allowed",
            (
                "provider anthropic is not in the request's order (with allow_fallbacks false): openai; "
                "add it there or name another provider"
            ),
        ),
        (
            Routing(ignore=("OPENAI", "x")),
            B.id,
            "denied",
            "provider openai is in the request's ignore: OPENAI, x; take it out to use it",
        ),
        (
            Routing(allowed=("anthropic/*", "o?")),
            B.id,
            "not_allowed",
            "neither gpt nor openai/gpt matches the request's allowed models: anthropic/*, o?; add a pattern that does",
        ),
        (
            Routing(excluded=("claud*",)),
            A.id,
            "denied",
            "anthropic/claude matches claud* of the request's excluded models; take it out to use it",
        ),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_callers_lists(routing: Routing, out: str, reason: str, detail: str, named: bool) -> None:
    found = [msgspec.structs.astuple(each) for each in refused(asking(routing=routing), A, B, named=named)]
    of_models = bool(routing.allowed or routing.excluded)  # for whoever chooses among models
    assert found == ([] if named and of_models else [(out, reason, detail)])


def test_an_order_of_providers_shuts_nobody_out() -> None:
    assert refused(asking(routing=Routing(order=("openai",))), A, B) == []


def test_long_lists_of_the_caller_are_cut_short() -> None:
    (rejection,) = refused(asking(routing=Routing(only=tuple(f"{n}" * 200 for n in range(9)))), A)
    assert rejection.detail.count("0") == 60
    assert " and 4 more;" in rejection.detail


def test_the_first_reason_counts() -> None:
    poor = deployment("small", usd=None, capabilities=None)
    asked = asking(tools=(Tool(name="search"),), routing=Routing(ignore=("lab",)))
    assert [each.reason for each in refused(asked, poor)] == ["denied"]
    assert [each.reason for each in refused(asking(tools=(Tool(name="search"),)), poor)] == ["capability_unknown"]


def test_who_is_named_needs_no_price_no_capability_and_no_window() -> None:
    asked = Request(
        model="small",
        messages=(Message(role="user", parts=(IMAGE, Text(text="word " * 9_000))),),
        tools=(Tool(name="search"),),
    )
    assert refused(asked, deployment("small", usd=None, capabilities=None, context_window=2_048), named=True) == []


def test_affordable() -> None:
    a, b, c, d = (deployment(name) for name in "abcd")
    kept, rejections = affordable(
        [(a, estimate(0.5, 1_000)), (b, estimate(0.5, 1_001)), (c, estimate(0.5, None)), (d, None)], 1_000
    )
    assert kept == [(a, estimate(0.5, 1_000))]
    limit = "the request's limit of $0.000001"
    assert [msgspec.structs.astuple(each) for each in rejections] == [
        (
            "lab/b",
            "max_cost",
            f"it is expected to cost $0.000001001, above {limit}; raise that or shorten the request",
        ),
        ("lab/c", "max_cost", f"its cost cannot be estimated, so {limit} cannot be kept; ask without one"),
        ("lab/d", "max_cost", f"its cost cannot be estimated, so {limit} cannot be kept; ask without one"),
    ]
