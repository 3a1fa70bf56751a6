"""Own who is measured when.

    warm-up: each target, plain and streamed, thrown away
    round 1: load 1: target A, target B, ...   load 2: target A, target B, ...   ...
    round 2: the same again, and so on

Invariant: all targets are up all the time and take turns in short slices, so that whatever else the machine does
disturbs all of them alike. Compare within a run, never between runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from gearshift.cli.benchmark.load import Job, Load, Slice, Target
from gearshift.types.catalog import Seconds

Slices: TypeAlias = dict[tuple[str, Load], list[Slice]]
"""The slices of a target (by name) under a load, one for each round, in order."""

CONNECTIONS: Final = (1, 32, 256)
LOADS: Final = (
    *(Load(kind="plain", connections=count) for count in CONNECTIONS),
    Load(kind="burst", connections=32),
    *(Load(kind="paced", connections=count) for count in CONNECTIONS),
)
_WARM_UP: Final = (Load(kind="plain", connections=32), Load(kind="burst", connections=32))
_WARM_UP_SECONDS: Final[Seconds] = 0.25


def warm_up(targets: Sequence[Target]) -> list[Job]:
    """Give the jobs after which every target has done everything once."""
    return [Job(target=target, load=load, seconds=_WARM_UP_SECONDS) for load in _WARM_UP for target in targets]


def schedule(targets: Sequence[Target], loads: Sequence[Load], rounds: int, seconds: Seconds) -> list[Job]:
    """Give the jobs of all rounds in their order."""
    return [
        Job(target=target, load=load, seconds=seconds) for _ in range(rounds) for load in loads for target in targets
    ]


def run(jobs: Iterable[Job], measure: Callable[[Job], Slice]) -> Slices:
    """Measure the jobs one after the other."""
    slices: Slices = {}
    for job in jobs:
        slices.setdefault((job.target.name, job.load), []).append(measure(job))
    return slices
