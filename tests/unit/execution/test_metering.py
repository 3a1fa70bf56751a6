from __future__ import annotations

import pytest
from msgspec.structs import replace

from gearshift import tokens
from gearshift.errors import (
    CallerLeft,
    GearshiftError,
    InternalError,
    StreamBroken,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.execution.metering import Meter
from gearshift.protocols.codec import ResponsePeek
from gearshift.types.chat import Usage
from gearshift.types.record import Attempt, Billing
from tests.fakes.nouns import USAGE, deployment, request


def facts(usage: Usage | None = USAGE, answer_bytes: int = 0) -> ResponsePeek:
    return ResponsePeek(
        usage=usage,
        finish_reason="stop",
        response_id="chatcmpl-1",
        upstream_model="small-2026",
        answer_bytes=answer_bytes,
    )


def measure(error: GearshiftError | None = None, known: ResponsePeek | None = None, **meter: object) -> Attempt:
    """Meter one attempt; `meter` sets what the call noted on its way."""
    measured = Meter("x-1", deployment(**({"price": meter.pop("price")} if "price" in meter else {})), 0.25)  # type: ignore[arg-type]
    measured.begin()
    for name, value in meter.items():
        setattr(measured, name, value)
    if known is not None:
        measured.learn(known)
    return measured.attempt(request(), 1.0, error)


def test_a_good_answer_costs_what_the_upstream_counted() -> None:
    made = measure(known=facts(), first_token=0.5, status=200)
    assert made.usage == USAGE
    assert made.cost == 10 * 1_000 + 5 * 2_000
    assert (made.billing, made.error, made.detail) == ("billed", None, None)
    assert (made.started, made.first_token, made.ended) == (0.25, 0.5, 1.0)
    assert (made.response_id, made.upstream_model, made.finish_reason) == ("chatcmpl-1", "small-2026", "stop")


def test_usage_that_never_came_is_estimated_and_says_so() -> None:
    made = measure(known=facts(usage=None, answer_bytes=9), first_token=0.5)
    expected = tokens.estimate(request())
    assert made.usage == Usage(input_tokens=expected, output_tokens=3, estimated=True)
    assert made.cost == expected * 1_000 + 3 * 2_000


def test_a_cost_without_a_price_is_unknown_never_zero() -> None:
    made = measure(known=facts(), first_token=0.5, price=None)
    assert made.usage == USAGE
    assert made.cost is None


@pytest.mark.parametrize(
    ("error", "billing"),
    [
        (UpstreamUnreachable("down"), "not_sent"),
        (UpstreamTimeout("slow", phase="connect"), "not_sent"),
        (UpstreamRefused("no", upstream_status=500), "not_billed"),
        (UpstreamRefused("no", upstream_status=400), "not_billed"),
    ],
)
def test_what_was_surely_not_billed_costs_nothing(error: GearshiftError, billing: Billing) -> None:
    made = measure(error)
    assert (made.billing, made.cost, made.usage) == (billing, 0, None)
    assert (made.error, made.detail) == (error.code, error.message)


@pytest.mark.parametrize(
    "error",
    [
        UpstreamUnreachable("lost", sent=True),
        UpstreamTimeout("slow", phase="first_token"),
        UpstreamInvalid("html"),
        StreamBroken("cut"),
        CallerLeft("left"),
        InternalError("bug"),
    ],
)
def test_what_may_have_been_billed_is_estimated(error: GearshiftError) -> None:
    made = measure(error)
    assert made.billing == "maybe_billed"
    assert made.usage is not None
    assert made.usage.estimated
    assert made.cost is not None
    assert made.cost > 0
    assert made.error == error.code


def test_a_caller_who_left_in_the_middle_of_an_answer_is_billed_for_what_came() -> None:
    made = measure(CallerLeft("left"), facts(usage=None, answer_bytes=400), first_token=0.5)
    assert (made.billing, made.error) == ("billed", "caller_left")
    assert made.usage is not None
    assert (made.usage.output_tokens, made.usage.estimated) == (100, True)


def test_a_refusal_costs_nothing_even_without_a_price() -> None:
    assert measure(UpstreamRefused("no", upstream_status=500), price=None).cost == 0


@pytest.mark.parametrize("error", [CallerLeft("left"), UpstreamTimeout("slow", phase="first_token")])
def test_what_never_left_costs_nothing(error: GearshiftError) -> None:
    made = measure(error, sent=False)
    assert (made.billing, made.usage, made.cost) == ("not_sent", None, 0)


def test_what_was_counted_before_a_stream_broke_lacks_what_came_after_and_is_made_good() -> None:
    early = replace(facts(Usage(input_tokens=10, output_tokens=1, cache_read_tokens=4), 41), finish_reason=None)
    made = measure(StreamBroken("cut"), early, first_token=0.5, status=200)
    assert made.usage == Usage(input_tokens=10, output_tokens=11, cache_read_tokens=4, estimated=True)
    assert made.cost == 10 * 1_000 + 11 * 2_000
    nothing = replace(early, usage=Usage())
    unknown = measure(StreamBroken("cut"), nothing, first_token=0.5, status=200)
    assert unknown.usage == Usage(input_tokens=tokens.estimate(request()), output_tokens=11, estimated=True)


def test_a_count_that_came_with_the_end_or_is_higher_stands_whatever_broke_then() -> None:
    counted = Usage(input_tokens=10, output_tokens=5)
    assert measure(CallerLeft("left"), facts(counted, 400), first_token=0.5).usage == counted
    more = replace(facts(Usage(input_tokens=10, output_tokens=500), 400), finish_reason=None)
    assert measure(StreamBroken("cut"), more, first_token=0.5).usage == more.usage
