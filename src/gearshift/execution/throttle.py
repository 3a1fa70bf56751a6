"""Own how many calls a deployment gets at once, after it has said that they grew too fast.

    unbounded ── told to slow down ──> half of what was under way ── each success: + 1/bound ──> ... ──> unbounded

Additive increase, multiplicative decrease: the bound ends once it is twice what was under way when it was set, so that
a deployment that complained once is not held back for ever.
Invariant: pure; at least one call is always let in.
Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance" (1989).
"""

from __future__ import annotations

from msgspec import Struct


class _Bound(Struct):
    """Hold how many calls may be under way, and at how many the bound ends."""

    calls: float
    end: float
    stale: int = 0
    """How many of those who were under way when it was set still are: what they complain of is known."""


class Throttle:
    """Count the calls that are under way, and bound them where that was asked for."""

    def __init__(self) -> None:
        """Begin with nobody bounded."""
        self._under_way: dict[str, int] = {}
        self._bounds: dict[str, _Bound] = {}

    def enter(self, scope: str) -> bool:
        """Let a call in, or say no."""
        bound, count = self._bounds.get(scope), self._under_way.get(scope, 0)
        if bound is not None and count >= max(1, int(bound.calls)):
            return False
        self._under_way[scope] = count + 1
        return True

    def leave(self, scope: str) -> None:
        """Let a call out that was let in."""
        count = self._under_way[scope] - 1
        bound = self._bounds.get(scope)
        if bound is not None and bound.stale:
            bound.stale -= 1
        if count:
            self._under_way[scope] = count
        else:
            del self._under_way[scope]

    def slow(self, scope: str) -> None:
        """Halve what is under way, once for all of it: the upstream says that it grew too fast."""
        known, count = self._bounds.get(scope), self._under_way.get(scope, 1)
        if known is not None and known.stale:
            return
        half = max(1.0, count / 2)
        self._bounds[scope] = _Bound(half, 4 * half, count)

    def grow(self, scope: str) -> None:
        """Take note of a success."""
        bound = self._bounds.get(scope)
        if bound is None:
            return
        bound.calls += 1 / bound.calls
        if bound.calls >= bound.end:
            del self._bounds[scope]
