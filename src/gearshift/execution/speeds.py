"""Own how fast each deployment has been of late: what a decision may know of latency, from this process's own calls.

Of each deployment the last `WINDOW` answers count, for `MAX_AGE` seconds; with fewer than `ENOUGH` nothing is said.
Streams tell the time to the first token; every whole answer with its tokens tells tokens per second over all its time
(what OpenRouter calls throughput, "Provider Routing", read 2026-11). Percentiles are by nearest rank.
Invariant: pure but for its own memory; time is an argument. A failed call tells nothing: health is for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import Final

from msgspec import Struct

from gearshift.types.catalog import Seconds
from gearshift.types.decision import Percentiles, Speed
from gearshift.types.record import Attempt, Exchange

WINDOW: Final = 200
ENOUGH: Final = 20
MAX_AGE: Final = 900.0
REFRESH: Final = 1.0
"""Sorting a window takes about 20 us, too much for every request."""


class _Sample(Struct, frozen=True):
    at: Seconds
    first_token: Seconds | None
    tokens_per_second: float | None


class _Track(Struct):
    """Hold one deployment's samples, oldest first, and what they said when they were last `counted`."""

    samples: deque[_Sample]
    speed: Speed | None = None
    counted: Seconds = -inf
    grown: bool = True


class Speeds:
    """Remember how fast deployments answered."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._tracks: dict[str, _Track] = {}

    def note(self, exchange: Exchange, now: Seconds) -> None:
        """Learn from the calls of an exchange that ended at `now`."""
        for attempt in exchange.attempts:
            sample = _sample(attempt, now, stream=exchange.stream)
            if sample is not None:
                track = self._tracks.setdefault(attempt.deployment.id, _Track(deque(maxlen=WINDOW)))
                track.samples.append(sample)
                track.grown = True

    def known(self, now: Seconds) -> dict[str, Speed]:
        """Give what is known at `now`, by deployment id; what came in the last `REFRESH` seconds may be missing."""
        for name, track in list(self._tracks.items()):
            due = track.speed is None or now - track.counted >= REFRESH
            if now - track.samples[0].at > MAX_AGE or (track.grown and due):
                _count(track, now)
                if not track.samples:
                    del self._tracks[name]
        return {name: track.speed for name, track in self._tracks.items() if track.speed is not None}


def _count(track: _Track, now: Seconds) -> None:
    """Forget what is too old and work out what the rest says."""
    while track.samples and now - track.samples[0].at > MAX_AGE:
        track.samples.popleft()
    track.speed, track.counted, track.grown = _speed(track.samples), now, False


def _sample(attempt: Attempt, now: Seconds, *, stream: bool) -> _Sample | None:
    """Read one call; None when it tells nothing."""
    if attempt.error is not None or attempt.first_token is None:
        return None
    streamed = stream and attempt.purpose != "judge"  # whose answer comes at once
    first = attempt.first_token - attempt.started if streamed else None
    tokens, seconds = attempt.usage.output_tokens if attempt.usage else 0, attempt.ended - attempt.started
    return _Sample(now, first, tokens / seconds if tokens > 0 and seconds > 0 else None)


def _speed(samples: Iterable[_Sample]) -> Speed | None:
    samples = list(samples)
    first = sorted(each.first_token for each in samples if each.first_token is not None)
    rates = sorted(each.tokens_per_second for each in samples if each.tokens_per_second is not None)
    if len(first) < ENOUGH and len(rates) < ENOUGH:
        return None
    return Speed(
        first_token=_percentiles(first) if len(first) >= ENOUGH else None,
        tokens_per_second=_rank(rates, 50) if len(rates) >= ENOUGH else None,
        throughput=_percentiles(rates[::-1]) if len(rates) >= ENOUGH else None,
    )


def _percentiles(best_first: Sequence[float]) -> Percentiles:
    p50, p75, p90, p95, p99 = (_rank(best_first, percent) for percent in (50, 75, 90, 95, 99))
    return Percentiles(p50=p50, p75=p75, p90=p90, p95=p95, p99=p99)


def _rank(best_first: Sequence[float], percent: int) -> float:
    """Give the best value that `percent` of 100 reach or better."""
    return best_first[ceil(len(best_first) * percent / 100) - 1]
