"""From slices to figures: medians of differences within rounds, costs by requests, unknown stays unknown."""

from __future__ import annotations

import pytest

from gearshift.cli.benchmark.load import Load, Slice
from gearshift.cli.benchmark.report import MIB, Bar, Figures, Footprint, bars, compare, median, ratio
from gearshift.cli.benchmark.translation import Pair

PLAIN = Load(kind="plain", connections=1)
PACED = Load(kind="paced", connections=256)


def piece(
    p50: float | None, *, requests: int = 100, events: int = 0, cpu: float | None = None, errors: int = 0
) -> Slice:
    return Slice(
        requests=requests,
        errors=errors,
        fault="oops" if errors else None,
        elapsed_s=2,
        p50_s=p50,
        p95_s=p50,
        p99_s=p50,
        first_p50_s=None if p50 is None else p50 / 2,
        events=events,
        cpu_s=cpu,
    )


def test_a_disturbed_round_does_not_move_the_difference() -> None:
    direct = [piece(1.0), piece(100.0), piece(2.0)]
    through = [piece(1.5), piece(100.5), piece(2.5)]
    figures = compare(PLAIN, direct, through)
    assert figures.added_p50_s == 0.5
    assert (figures.direct_p50_s, figures.p50_s, figures.p99_s) == (2.0, 2.5, 2.5)
    assert figures.added_first_p50_s is None  # an answer that is not streamed has no first word


def test_the_first_word_counts_in_streams() -> None:
    assert compare(PACED, [piece(1.0)], [piece(2.0)]).added_first_p50_s == 0.5


def test_cpu_time_is_summed_before_it_is_shared_out() -> None:
    through = [piece(1, requests=10, events=100, cpu=1.0), piece(1, requests=30, events=300, cpu=1.0)]
    figures = compare(PACED, [piece(1), piece(1)], through)
    assert figures.cpu_per_request_s == pytest.approx(2 / 40)
    assert figures.cpu_per_event_s == pytest.approx(2 / 400)
    assert figures.requests == 40


def test_cpu_time_that_is_unknown_once_is_unknown() -> None:
    figures = compare(PLAIN, [piece(1), piece(1)], [piece(1, cpu=1.0), piece(1, cpu=None)])
    assert figures.cpu_per_request_s is None


def test_rates_and_their_ratio() -> None:
    direct = [piece(1, requests=100), piece(1, requests=200)]
    through = [piece(1, requests=50), piece(1, requests=50)]
    figures = compare(PLAIN, direct, through)
    assert (figures.direct_per_second, figures.per_second) == (75, 25)
    assert figures.ratio == ratio(through, direct) == pytest.approx(0.375)


def test_errors_of_both_sides_count_and_the_first_is_told() -> None:
    figures = compare(PLAIN, [piece(None, requests=0, errors=2)], [piece(1, errors=1)])
    assert (figures.errors, figures.fault) == (3, "oops")
    assert figures.added_p50_s is None
    assert figures.ratio is None


def test_the_median_is_of_what_is_known() -> None:
    assert median([3.0, None, 1.0, 2.0]) == 2.0
    assert median([None]) is None


@pytest.mark.parametrize(("measured", "verdict"), [(None, "not measured"), (1.0, "met"), (1.01, "missed")])
def test_a_bar_is_met_up_to_its_limit(measured: float | None, verdict: str) -> None:
    assert Bar(name="x", limit=1.0, unit="ms", measured=measured).verdict == verdict


def figures_of(load: str) -> Figures:
    return Figures(
        load=load,
        requests=1,
        errors=1,
        fault="oops",
        direct_p50_s=0,
        p50_s=0,
        p99_s=0,
        added_p50_s=0.002,
        added_first_p50_s=0.003,
        direct_per_second=0,
        per_second=0,
        ratio=0,
        cpu_per_request_s=0.0004,
        cpu_per_event_s=0.00005,
    )


PAIR = Pair(caller="a", upstream="b", request_s=5e-5, request_ratio=20.0, chunk_s=9e-6, chunk_ratio=9.0)


def test_the_bars_read_their_own_figures() -> None:
    loads = ("plain x 1", "plain x 32", "paced x 1", "paced x 256")
    footprint = Footprint(starts=3, ready_s=1.0, idle_bytes=81 * MIB, loaded_bytes=None)
    found = {bar.name: bar for bar in bars([figures_of(load) for load in loads], footprint, (PAIR,))}
    assert {name: bar.measured for name, bar in found.items()} == pytest.approx(
        {
            "added median, plain x 1": 2.0,
            "added to first word, paced x 1": 3.0,
            "CPU a request, plain x 32": 400,
            "CPU an event, paced x 256": 50,
            "memory, idle": 81,
            "start to ready": 1.0,
            "calls without a complete answer": 4,
            "a request in another protocol": 50,
            "a chunk in another protocol": 9,
        }
    )
    met = {name for name, bar in found.items() if bar.verdict == "met"}
    assert met == {"CPU a request, plain x 32", "start to ready", "a request in another protocol"}


def test_a_load_that_was_not_run_is_not_measured() -> None:
    footprint = Footprint(starts=1, ready_s=1.0, idle_bytes=None, loaded_bytes=None)
    found = bars([figures_of("plain x 1")], footprint, ())
    assert [bar.verdict for bar in found].count("not measured") == 6
