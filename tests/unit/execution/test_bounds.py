from __future__ import annotations

import pytest
from msgspec.structs import replace

from gearshift.execution import bounds
from gearshift.execution.bounds import Limits
from gearshift.types.inbound import Inbound

LIMITS = Limits(deadline=60.0, hedge_after=1.0)


def inbound(**said: object) -> Inbound:
    return replace(Inbound(path="/v1/chat/completions", body=b"", began=0.0), **said)


def test_nothing_changes_where_nothing_is_said() -> None:
    assert bounds.of(LIMITS, inbound(), stream=True, spent=0.0) == LIMITS


@pytest.mark.parametrize(("own", "bound"), [(5.0, 5.0), (100.0, 60.0)])
@pytest.mark.parametrize("stream", [False, True])
def test_the_caller_tightens_the_deadline_and_never_widens_it(own: float, bound: float, stream: bool) -> None:
    assert bounds.of(LIMITS, inbound(deadline=own), stream=stream, spent=0.0).deadline == bound


@pytest.mark.parametrize(
    ("patience", "own", "stream", "bound"),
    [
        (20.0, None, False, 20.0),
        (20.0, None, True, 60.0),
        (20.0, 5.0, False, 5.0),
        (20.0, 30.0, False, 20.0),
        (600.0, None, False, 60.0),
    ],
)
def test_a_client_s_patience_bounds_a_whole_answer_but_no_stream(
    patience: float, own: float | None, stream: bool, bound: float
) -> None:
    assert bounds.of(LIMITS, inbound(patience=patience, deadline=own), stream=stream, spent=0.0).deadline == bound


def test_the_caller_bounds_the_time_until_an_answer_begins_and_forbids_fallback() -> None:
    assert bounds.of(LIMITS, inbound(first_content=20.0), stream=True, spent=0.0).first_content == 20.0
    assert not bounds.of(LIMITS, inbound(no_fallback=True), stream=True, spent=0.0).allow_fallbacks


def test_only_streams_are_hedged() -> None:
    assert bounds.of(LIMITS, inbound(), stream=True, spent=0.0).hedge_after == 1.0
    assert bounds.of(LIMITS, inbound(), stream=False, spent=0.0).hedge_after is None
