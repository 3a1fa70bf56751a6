import msgspec
import pytest

from gearshift.execution.speeds import ENOUGH, MAX_AGE, REFRESH, WINDOW, Speeds
from gearshift.types.chat import Usage
from gearshift.types.decision import Percentiles, Speed
from gearshift.types.record import Attempt, Exchange
from tests.fakes.nouns import attempt, deployment, exchange, failed


def streamed(*attempts: Attempt, stream: bool = True) -> Exchange:
    return msgspec.structs.replace(exchange(attempts=attempts), stream=stream)


def answered(first: float = 0.5, seconds: float = 2.0, tokens: int | None = 100) -> Attempt:
    usage = None if tokens is None else Usage(output_tokens=tokens)
    return attempt(started=1.0, first_token=1.0 + first, ended=1.0 + seconds, usage=usage)


def after(*attempts: Attempt, stream: bool = True) -> dict[str, Speed]:
    speeds = Speeds()
    for each in attempts:
        speeds.note(streamed(each, stream=stream), 0.0)
    return speeds.known(0.0)


def test_percentiles_by_nearest_rank_and_the_median_of_tokens_per_second() -> None:
    found = after(*(answered(first=number / 100, seconds=number / 10) for number in range(100, 0, -1)))
    first = found["lab/small"].first_token
    assert first is not None
    assert msgspec.structs.astuple(first) == pytest.approx((0.5, 0.75, 0.9, 0.95, 0.99))
    assert found["lab/small"].tokens_per_second == pytest.approx(100 / 5.1)


def test_too_few_say_nothing() -> None:
    assert after(*[answered()] * (ENOUGH - 1)) == {}
    assert set(after(*[answered()] * ENOUGH)) == {"lab/small"}


def test_only_streams_tell_the_time_to_the_first_token() -> None:
    found = after(*[answered()] * ENOUGH, stream=False)
    rates = Percentiles(p50=50.0, p75=50.0, p90=50.0, p95=50.0, p99=50.0)
    assert found == {"lab/small": Speed(first_token=None, tokens_per_second=50.0, throughput=rates)}


def test_that_share_of_answers_was_at_least_so_fast() -> None:
    found = after(*(answered(seconds=100 / number) for number in range(1, 101)))["lab/small"].throughput
    assert found is not None
    assert msgspec.structs.astuple(found) == pytest.approx((51, 26, 11, 6, 2))


@pytest.mark.parametrize("tokens", [None, 0])
def test_without_tokens_there_is_no_throughput(tokens: int | None) -> None:
    assert after(*[answered(tokens=tokens)] * ENOUGH)["lab/small"].tokens_per_second is None


def test_a_failed_call_tells_nothing() -> None:
    assert after(*[failed()] * ENOUGH) == {}
    cut_short = attempt(error="stream_cut")
    assert after(*[cut_short] * ENOUGH) == {}


def test_what_is_old_is_forgotten_so_that_a_slow_one_is_tried_again() -> None:
    speeds = Speeds()
    for at in range(ENOUGH):
        speeds.note(streamed(answered()), float(at))
    assert speeds.known(MAX_AGE) != {}
    assert speeds.known(MAX_AGE + 0.5) == {}
    assert speeds.known(2 * MAX_AGE) == {}
    speeds.note(streamed(answered()), 2 * MAX_AGE)
    assert speeds.known(2 * MAX_AGE) == {}


def test_only_the_last_count_and_each_deployment_for_itself() -> None:
    speeds = Speeds()
    for first in (9.0, 0.25):
        for _ in range(WINDOW):
            other = msgspec.structs.replace(answered(first=5.0), deployment=deployment("large"))
            speeds.note(streamed(answered(first=first), other), 0.0)
    known = speeds.known(0.0)
    assert known["lab/small"].first_token == Percentiles(p50=0.25, p75=0.25, p90=0.25, p95=0.25, p99=0.25)
    assert known["lab/large"].first_token == Percentiles(p50=5.0, p75=5.0, p90=5.0, p95=5.0, p99=5.0)


def test_what_is_known_is_worked_out_once_a_second() -> None:
    speeds = Speeds()
    for _ in range(ENOUGH):
        speeds.note(streamed(answered(seconds=1.0)), 0.0)
    assert speeds.known(0.0)["lab/small"].tokens_per_second == 100.0
    for _ in range(2 * ENOUGH):
        speeds.note(streamed(answered(seconds=2.0)), 0.0)
    assert speeds.known(REFRESH / 2)["lab/small"].tokens_per_second == 100.0
    assert speeds.known(REFRESH)["lab/small"].tokens_per_second == 50.0


def test_a_judge_s_answer_comes_at_once_and_tells_nothing_of_the_first_token() -> None:
    judged = [msgspec.structs.replace(answered(), purpose="judge") for _ in range(ENOUGH)]
    found = after(*judged)
    assert all(speed.first_token is None and speed.throughput is not None for speed in found.values())
    assert found
