from __future__ import annotations

import pytest
from msgspec.structs import replace

from gearshift.execution.bounds import Limits
from gearshift.execution.patience import between_content, first_content
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request, Sampling
from tests.fakes.nouns import deployment, provider, request

LIMITS = Limits(
    first_token_timeout=10.0, answer_timeout=300.0, reasoning_timeout=120.0, content_timeout=60.0, stall_timeout=30.0
)
PLAIN = deployment("plain", capabilities=frozenset({"tools"}))
THINKER = deployment("thinker", capabilities=frozenset({"reasoning"}))
CLAUDE = deployment("claude", provider("a", protocol="anthropic_messages"), capabilities=frozenset({"reasoning"}))
STREAM = request(stream=True)


def asking(**sampling: object) -> Request:
    return request(stream=True, sampling=replace(Sampling(), **sampling))


@pytest.mark.parametrize(
    ("to", "asked", "long"),
    [
        (PLAIN, STREAM, False),
        (deployment("unknown"), STREAM, False),
        (THINKER, STREAM, True),
        (THINKER, asking(reasoning_effort="none"), False),
        (THINKER, asking(reasoning_budget=0), False),
        (CLAUDE, STREAM, False),
        (CLAUDE, asking(reasoning_budget=2000), True),
        (deployment("unknown"), asking(reasoning_effort="high"), True),
    ],
)
def test_who_thinks_may_take_longer(to: Deployment, asked: Request, long: bool) -> None:
    assert first_content(LIMITS, to, asked) == (120.0 if long else 10.0)
    assert between_content(LIMITS, to, asked) == (120.0 if long else 60.0)


def test_a_long_prompt_may_take_longer_to_be_read() -> None:
    long = request("word " * 120_000, stream=True)
    assert first_content(LIMITS, PLAIN, long) == 20.0


def test_an_answer_that_comes_at_once_has_a_time_of_its_own() -> None:
    assert first_content(LIMITS, THINKER, request()) == 300.0


@pytest.mark.parametrize("asked", [STREAM, request(), asking(reasoning_effort="high")])
def test_the_caller_s_own_bound_is_never_exceeded(asked: Request) -> None:
    assert first_content(replace(LIMITS, first_content=2.0), THINKER, asked) == 2.0
