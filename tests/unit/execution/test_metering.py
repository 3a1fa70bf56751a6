from __future__ import annotations

import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift import tokens
from gearshift.errors import (
    CallerLeft,
    GearshiftError,
    InternalError,
    Outrun,
    StreamBroken,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.execution.metering import Meter, whole
from gearshift.protocols.codec import ResponsePeek
from gearshift.types.catalog import OnCancel, Quirks
from gearshift.types.chat import Usage
from gearshift.types.embedding import EmbeddingRequest, Input, TokenIds
from gearshift.types.record import Attempt, Billing
from tests.fakes.nouns import USAGE, attempt, deployment, provider, request


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


def test_vectors_have_input_only_and_what_cannot_be_counted_is_unknown() -> None:
    def usage_of(*inputs: Input) -> Usage | None:
        measured = Meter("x-1", deployment(), 0.0)
        measured.begin()
        measured.first_token = 0.5
        return measured.attempt(EmbeddingRequest(model="m", inputs=inputs), 1.0, None).usage

    ids = TokenIds(raw=Raw(b"[]"), count=7)
    assert usage_of(ids, ids) == Usage(input_tokens=14, estimated=True)
    assert usage_of("Hello there, you", Raw(b"{}")) is None


@pytest.mark.parametrize(
    ("policy", "error", "billing"),
    [
        ("free", CallerLeft("left"), "not_billed"),
        ("free", Outrun("sooner"), "not_billed"),
        ("free", StreamBroken("cut"), "billed"),
        ("estimate", CallerLeft("left"), "billed"),
        ("drain", CallerLeft("left"), "billed"),
    ],
)
def test_what_a_caller_who_left_costs_is_the_provider_s_to_say(
    policy: OnCancel, error: GearshiftError, billing: Billing
) -> None:
    meter = Meter("x-1", deployment(of=provider(quirks=Quirks(on_cancel=policy))), 0.0)
    meter.begin()
    meter.first_token = 0.5
    made = meter.attempt(request(), 1.0, error)
    assert made.billing == billing
    assert (made.cost == 0) is (billing == "not_billed")
    assert (made.usage is None) is (billing == "not_billed")


def test_an_answer_that_was_made_whole_before_its_caller_left_is_paid_for() -> None:
    meter = Meter("x-1", deployment(of=provider(quirks=Quirks(on_cancel="free"))), 0.0)
    meter.begin()
    meter.learn(facts())
    assert meter.attempt(request(), 1.0, CallerLeft("left")).billing == "billed"


def test_a_beginning_that_was_given_is_counted_as_answer() -> None:
    made = attempt(usage=Usage(input_tokens=10, output_tokens=5))
    count = tokens.estimate_text("A few words.")
    assert 0 < count < 10
    counted = Usage(input_tokens=10 - count, output_tokens=5 + count, estimated=True)
    assert whole(made, "A few words.").usage == counted
    assert whole(made, "").usage == made.usage
    assert whole(attempt(usage=None), "A few words.").usage is None
    cached = attempt(usage=Usage(input_tokens=10, cache_read_tokens=9, output_tokens=5))
    shown = whole(cached, "Many words. " * 10).usage
    assert shown is not None
    assert (shown.input_tokens, shown.cache_read_tokens) == (9, 9)
