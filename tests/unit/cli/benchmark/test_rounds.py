"""Targets take turns, load by load and round by round."""

from __future__ import annotations

from gearshift.cli.benchmark.load import Job, Load, Slice, Target
from gearshift.cli.benchmark.rounds import LOADS, run, schedule, warm_up

DIRECT, THROUGH = Target(name="direct", port=1), Target(name="gearshift", port=2)
PLAIN, PACED = Load(kind="plain", connections=1), Load(kind="paced", connections=2)


def test_all_targets_are_measured_under_a_load_before_the_next() -> None:
    jobs = schedule((DIRECT, THROUGH), (PLAIN, PACED), rounds=2, seconds=0.5)
    order = [("direct", PLAIN), ("gearshift", PLAIN), ("direct", PACED), ("gearshift", PACED)]
    assert [(job.target.name, job.load) for job in jobs] == order * 2
    assert {job.seconds for job in jobs} == {0.5}


def test_every_target_is_warmed_up_plain_and_streamed() -> None:
    jobs = warm_up((DIRECT, THROUGH))
    assert {(job.target.name, job.load.streamed) for job in jobs} == {
        (name, streamed) for name in ("direct", "gearshift") for streamed in (False, True)
    }


def test_slices_are_kept_in_the_order_of_their_rounds() -> None:
    def measure(job: Job) -> Slice:
        measured.append(job)
        return Slice(
            requests=len(measured),
            errors=0,
            fault=None,
            elapsed_s=1,
            p50_s=1,
            p95_s=1,
            p99_s=1,
            first_p50_s=1,
            events=0,
            cpu_s=None,
        )

    measured: list[Job] = []
    slices = run(schedule((DIRECT, THROUGH), (PLAIN,), rounds=3, seconds=1), measure)
    assert [each.requests for each in slices["direct", PLAIN]] == [1, 3, 5]
    assert [each.requests for each in slices["gearshift", PLAIN]] == [2, 4, 6]


def test_the_loads_are_those_of_the_bars() -> None:
    names = {load.name for load in LOADS}
    assert {f"{kind} x {count}" for kind in ("plain", "paced") for count in (1, 32, 256)} < names
