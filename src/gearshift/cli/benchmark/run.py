"""Own a whole run of the bench: children up, starts timed, rounds measured, figures made."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track

from gearshift import __version__
from gearshift.cli.benchmark.children import start_generator, start_upstream
from gearshift.cli.benchmark.load import Job, Load, Target
from gearshift.cli.benchmark.process import Placement, placement, resident_bytes
from gearshift.cli.benchmark.report import Footprint, Machine, Report, bars, compare, median
from gearshift.cli.benchmark.rounds import LOADS, run, schedule, warm_up
from gearshift.cli.benchmark.subject import Started, start_gateway
from gearshift.cli.benchmark.translation import measure_translation
from gearshift.types.catalog import Seconds

DIRECT: Final = "direct"
GEARSHIFT: Final = "gearshift"
STARTS: Final = 3
_CPU_INFO: Final = Path("/proc/cpuinfo")


def measure(*, rounds: int, seconds: Seconds, loads: Sequence[Load] = LOADS) -> Report:
    """Measure the gateway against a direct call."""
    place = placement()
    with (
        tempfile.TemporaryDirectory(prefix="gearshift-bench-") as name,
        start_upstream(place.measuring) as upstream_port,
        start_generator(place.measuring) as generator,
    ):
        folder = Path(name)
        starts = [_start(upstream_port, folder, place) for _ in range(STARTS)]
        with start_gateway(upstream_port, folder, place.measured) as gateway:
            direct = Target(name=DIRECT, port=upstream_port)
            through = Target(name=GEARSHIFT, port=gateway.port, pid=gateway.pid)
            run(warm_up((direct, through)), generator.run)
            slices = run(shown(schedule((direct, through), loads, rounds, seconds)), generator.run)
            loaded = resident_bytes(gateway.pid)
    footprint, pairs = _footprint(starts, loaded), measure_translation()
    figures = tuple(compare(load, slices[DIRECT, load], slices[GEARSHIFT, load]) for load in loads)
    about = describe_machine(place, rounds, seconds)
    held = bars(figures, footprint, pairs)
    return Report(machine=about, footprint=footprint, figures=figures, pairs=pairs, bars=held)


def _start(upstream_port: int, folder: Path, place: Placement) -> Started:
    """Start the gateway and stop it again."""
    with start_gateway(upstream_port, folder, place.measured, keep_log=True) as started:
        return started


def _footprint(starts: Sequence[Started], loaded: int | None) -> Footprint:
    return Footprint(
        starts=len(starts),
        ready_s=median(each.ready_s for each in starts) or 0.0,
        idle_bytes=median(each.idle_bytes for each in starts),
        loaded_bytes=loaded,
    )


def describe_machine(place: Placement, rounds: int, seconds: Seconds) -> Machine:
    """Say where, when and how this run measures."""
    return Machine(
        date=datetime.now(tz=UTC).date().isoformat(),
        gearshift=__version__,
        python=platform.python_version(),
        cpu=_cpu_name(),
        cpus=os.cpu_count() or 1,
        placement=place.note,
        rounds=rounds,
        seconds=seconds,
    )


def _cpu_name() -> str:
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines() if _CPU_INFO.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def shown(jobs: Sequence[Job]) -> Iterable[Job]:
    """Give the jobs, with a progress bar on a terminal."""
    console = Console(stderr=True)
    return track(jobs, "measuring", console=console, transient=True, disable=not console.is_terminal)
