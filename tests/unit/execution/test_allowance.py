"""What a call is taken to need: at most, and as is expected."""

from __future__ import annotations

from typing import cast

from gearshift.execution.allowance import USUAL_ANSWER, Unlimited, need_of
from gearshift.execution.order import Order
from gearshift.types.chat import Request, Sampling
from gearshift.types.decision import Decision
from gearshift.types.embedding import Asked, EmbeddingRequest
from tests.fakes.nouns import decision, deployment, request


class Bench:
    """Be an order of which only the request and the decision are asked."""

    def __init__(self, asked: Asked, decided: Decision) -> None:
        self.request = asked
        self.decision = decided


def order(asked: Asked, decided: Decision | None = None) -> Order:
    return cast(Order, Bench(asked, decided or decision()))


def of(tokens: int | None) -> Request:
    return request("Hello", sampling=Sampling(max_output_tokens=tokens))


def test_the_forecast_is_what_is_expected_and_the_bound_the_most() -> None:
    found = need_of(order(of(500), decision(quality=0.7)), deployment(), 9_999)
    assert (found.usd, found.usd_expected, found.output_expected, found.output_tokens) == (9_999, 1000, 5, 500)
    assert found.input_tokens is not None
    assert found.input_tokens > 5


def test_without_a_forecast_a_long_answer_is_expected_but_none_longer_than_allowed() -> None:
    found = need_of(order(of(None)), deployment(), None)
    assert (found.usd, found.output_tokens, found.output_expected) == (None, None, USUAL_ANSWER)
    assert found.usd_expected is not None
    assert found.usd_expected > USUAL_ANSWER * 2_000
    assert need_of(order(of(7)), deployment(), None).output_expected == 7


def test_an_unknown_price_is_not_taken_for_none() -> None:
    assert need_of(order(of(7)), deployment(price=None), None).usd_expected is None


def test_vectors_need_their_input_only() -> None:
    found = need_of(order(EmbeddingRequest(model="m", inputs=("Hello",))), deployment(), 5)
    assert (found.output_tokens, found.usd) == (0, 5)
    assert found.input_tokens is not None


def test_nobody_is_limited_where_nobody_wants_it() -> None:
    assert Unlimited().idle
