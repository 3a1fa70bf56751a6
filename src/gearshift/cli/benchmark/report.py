"""Own the arithmetic from slices to figures, and the bars that they are held to.

Invariants: a difference or a ratio is taken within each round, and then the median over the rounds: what disturbed a
round disturbed both sides of it. Costs are sums over all rounds, CPU time by requests. Unknown is None, never 0.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.cli.benchmark.load import Load, Slice
from gearshift.cli.benchmark.translation import Pair
from gearshift.types.catalog import Seconds

MIB: Final = 1024 * 1024


class Figures(Struct, frozen=True, kw_only=True):
    """Hold what one load showed. `ratio` is requests per second through the target by those of the direct call."""

    load: str
    requests: int
    errors: int
    fault: str | None
    direct_p50_s: Seconds | None
    p50_s: Seconds | None
    p99_s: Seconds | None
    added_p50_s: Seconds | None
    added_first_p50_s: Seconds | None
    direct_per_second: float
    per_second: float
    ratio: float | None
    cpu_per_request_s: Seconds | None
    cpu_per_event_s: Seconds | None


class Footprint(Struct, frozen=True, kw_only=True):
    """Hold what the gateway needs: seconds until it is ready, resident bytes idle (medians of `starts`) and loaded."""

    starts: int
    ready_s: Seconds
    idle_bytes: float | None
    loaded_bytes: int | None


class Bar(Struct, frozen=True, kw_only=True):
    """Hold one limit and what was measured, in `unit`; `measured` None: not measured."""

    name: str
    limit: float
    unit: str
    measured: float | None

    @property
    def verdict(self) -> str:
        """Say met, missed or not measured."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "missed"


class Machine(Struct, frozen=True, kw_only=True):
    """Hold where and how the figures were measured."""

    date: str
    gearshift: str
    python: str
    cpu: str
    cpus: int
    placement: str
    rounds: int
    seconds: Seconds


class Report(Struct, frozen=True, kw_only=True):
    """Hold a whole run; times are seconds, memory is bytes."""

    machine: Machine
    footprint: Footprint
    figures: tuple[Figures, ...]
    pairs: tuple[Pair, ...]
    bars: tuple[Bar, ...]


def compare(load: Load, direct: Sequence[Slice], through: Sequence[Slice]) -> Figures:
    """Compare a target's slices with the direct call's, round by round."""
    pairs = list(zip(through, direct, strict=True))
    requests = sum(each.requests for each in through)
    events = sum(each.events for each in through)
    cpu = _sum(each.cpu_s for each in through)
    return Figures(
        load=load.name,
        requests=requests,
        errors=sum(each.errors for each in (*direct, *through)),
        fault=next((each.fault for each in (*through, *direct) if each.fault), None),
        direct_p50_s=median(each.p50_s for each in direct),
        p50_s=median(each.p50_s for each in through),
        p99_s=median(each.p99_s for each in through),
        added_p50_s=median(_difference(ours.p50_s, theirs.p50_s) for ours, theirs in pairs),
        added_first_p50_s=median(_difference(ours.first_p50_s, theirs.first_p50_s) for ours, theirs in pairs)
        if load.streamed
        else None,
        direct_per_second=median(each.per_second for each in direct) or 0.0,
        per_second=median(each.per_second for each in through) or 0.0,
        ratio=ratio(through, direct),
        cpu_per_request_s=cpu / requests if cpu is not None and requests else None,
        cpu_per_event_s=cpu / events if cpu is not None and events else None,
    )


def ratio(these: Sequence[Slice], those: Sequence[Slice]) -> float | None:
    """Give how many times as many requests per second `these` had as `those`: the median over the rounds."""
    return median(
        mine.per_second / other.per_second if other.per_second else None
        for mine, other in zip(these, those, strict=True)
    )


def median(values: Iterable[float | None]) -> float | None:
    """Give the median of the known values, None when none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def bars(figures: Sequence[Figures], footprint: Footprint, pairs: Sequence[Pair]) -> tuple[Bar, ...]:
    """Hold what was measured to the project's bars; a load that was not run is not measured."""
    by_load = {each.load: each for each in figures}
    held = [
        Bar(name=name, limit=limit, unit=unit, measured=measured(by_load, footprint))
        for name, limit, unit, measured in _BARS
    ]
    request = max((each.request_s for each in pairs), default=None)
    chunk = max((each.chunk_s for each in pairs), default=None)
    held.append(Bar(name="a request in another protocol", limit=60, unit="us", measured=_scaled(request, 1e6)))
    held.append(Bar(name="a chunk in another protocol", limit=8, unit="us", measured=_scaled(chunk, 1e6)))
    return tuple(held)


def _sum(values: Iterable[float | None]) -> float | None:
    """Give the sum, None when a value is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _of(load: str, figure: Callable[[Figures], float | None], scale: float) -> _Measured:
    """Give what reads one figure of one load, in the bar's unit."""

    def measured(at: Mapping[str, Figures], _: Footprint) -> float | None:
        return _scaled(figure(at[load]), scale) if load in at else None

    return measured


_Measured: TypeAlias = Callable[[Mapping[str, Figures], Footprint], float | None]
_BARS: Final[tuple[tuple[str, float, str, _Measured], ...]] = (
    ("added median, plain x 1", 1.0, "ms", _of("plain x 1", lambda load: load.added_p50_s, 1e3)),
    ("added to first word, paced x 1", 1.5, "ms", _of("paced x 1", lambda load: load.added_first_p50_s, 1e3)),
    ("CPU a request, plain x 32", 400, "us", _of("plain x 32", lambda load: load.cpu_per_request_s, 1e6)),
    ("CPU an event, paced x 256", 40, "us", _of("paced x 256", lambda load: load.cpu_per_event_s, 1e6)),
    ("memory, idle", 80, "MiB", lambda _, needs: _scaled(needs.idle_bytes, 1 / MIB)),
    ("start to ready", 1.5, "s", lambda _, needs: needs.ready_s),
    ("calls without a complete answer", 0, "", lambda at, _: sum(each.errors for each in at.values())),
)
