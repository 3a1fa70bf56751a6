"""Own why not another: why nobody, and the smallest change of one number that would have changed a choice.

Considered are a fall of another candidate's expected cost, a rise of its expected quality, and a move of the
objective's own dial; latencies stay what they are. Sizes are compared as shares of the number that changes. Computed
on demand, from the decision.
Invariant: under the stated change, and no other, the same rules choose the stated deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from msgspec import Struct

from gearshift import accounting
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.decision import (
    AtLeast,
    AtMost,
    Budget,
    Candidate,
    CostTier,
    Decision,
    Estimate,
    Flip,
    MinQuality,
    WillingnessToPay,
)

_NO_SHARE: Final = float("inf")


class _Known(Struct, frozen=True, kw_only=True):
    """Hold a candidate whose cost and quality are both known; `meets`: it meets the objective.

    `cost` is what the objective compares: with `wait`, which its latency counts as and no change of its cost touches.
    """

    id: str
    quality: float
    cost: int
    wait: int
    meets: bool


class _Change(Struct, frozen=True, kw_only=True, order=True):
    """Hold a change; ordered by size, then by name, so that the answer is always the same."""

    size: float
    would_choose: str
    condition: str


def explain_refusal(decision: Decision) -> str:
    """Say that no deployment fits, which rule led there, and what speaks against each."""
    lines = [f"  - {each.deployment}: {each.reason}: {each.detail}" for each in decision.rejected]
    via = f" ({decision.detail})" if decision.detail else ""
    if not lines and not via:
        via = " (it has no deployment now; where servers are asked for their models, /readyz says what they answered)"
    return "\n".join([f"no deployment of {decision.router} fits this request{via}{':' if lines else ''}", *lines])


def explain_flip(decision: Decision) -> Flip | None:
    """Give the smallest change that would have changed the choice.

    None where no objective chose among several, or where the caller's own order had a say after it.
    """
    if decision.reason != "objective" or decision.policy != "best" or decision.steered:
        return None
    known = [found for each in decision.plan[0].candidates if (found := _known(each)) is not None]
    if len(known) < 2 or known[0].id != decision.chosen.deployment.id:  # noqa: PLR2004
        return None
    chosen, *others = known
    smallest = min(_changes(decision, chosen, others), default=None)
    return None if smallest is None else Flip(would_choose=smallest.would_choose, condition=smallest.condition)


def _known(candidate: Candidate) -> _Known | None:
    estimate: Estimate | None = candidate.estimate
    if estimate is None or estimate.cost is None:
        return None
    meets = candidate.utility is not None
    wait = candidate.latency_cost
    return _Known(
        id=candidate.deployment.id, quality=estimate.quality, cost=estimate.cost + wait, wait=wait, meets=meets
    )


def _changes(decision: Decision, chosen: _Known, others: Iterable[_Known]) -> Iterator[_Change]:
    """Give every single change that puts one of `others` before `chosen`."""
    threshold = decision.threshold if decision.threshold is not None else 0.0
    for other in others:
        match decision.objective:
            case WillingnessToPay(usd=usd):
                yield from _by_worth(usd, chosen, other, "willingness_to_pay")
            case Budget():
                yield from _by_worth(threshold, chosen, other, "what the budget lets a unit of quality be worth")
            case AtLeast(within=within, margin=margin):  # a calibrated margin does not move with `within`
                yield from _above(threshold, chosen, other, within if margin is None else None)
            case CostTier() | MinQuality():
                yield from _above(threshold, chosen, other, None)
            case AtMost():
                yield from _below(threshold, chosen, other)
            case None:
                return
            case _:
                assert_never(decision.objective)


def _by_worth(usd: float, chosen: _Known, other: _Known, dial: str) -> Iterator[_Change]:
    """Change what is paid for quality, or what the other costs, or how good it is."""
    gap = (chosen.quality - other.quality) * usd - (chosen.cost - other.cost) / NANO_PER_USD
    yield from _cheaper(other, other.cost - gap * NANO_PER_USD)
    if usd > 0:
        yield from _better(other, other.quality + gap / usd)
    if chosen.quality != other.quality:
        even = (chosen.cost - other.cost) / NANO_PER_USD / (chosen.quality - other.quality)
        if even > 0 and even != usd:
            way = "rose above" if even > usd else "fell below"
            condition = f"{dial} {way} ${even:.6f} (it is ${usd:.6f})"
            size = abs(even - usd) / usd if usd > 0 else _NO_SHARE
            yield _Change(size=size, would_choose=other.id, condition=condition)


def _above(bar: float, chosen: _Known, other: _Known, within: float | None) -> Iterator[_Change]:
    """Change what keeps the other from being the cheapest above the bar."""
    if not chosen.meets:
        yield from _better(other, chosen.quality)
    elif other.meets:
        yield from _cheaper(other, chosen.cost)
    elif other.cost < chosen.cost:
        wider = None if within is None else f"`within` were {within + bar - other.quality:.3f} (it is {within:.3f})"
        yield from _better(other, bar, or_if=wider)


def _below(bound: float, chosen: _Known, other: _Known) -> Iterator[_Change]:
    """Change what keeps the other from being the best under the bound."""
    if not chosen.meets:
        yield from _cheaper(other, chosen.cost)
    elif other.meets:
        yield from _better(other, chosen.quality)
    elif other.quality > chosen.quality:
        yield from _cheaper(other, bound)


def _cheaper(other: _Known, cost: float) -> Iterator[_Change]:
    """Let what the other costs fall until `cost` nano-USD are compared, if it is still above zero then."""
    own, wanted = other.cost - other.wait, cost - other.wait
    if 0 < wanted <= own:
        condition = f"its expected cost fell below ${accounting.usd(round(wanted))} (it is ${accounting.usd(own)})"
        yield _Change(size=(own - wanted) / own, would_choose=other.id, condition=condition)


def _better(other: _Known, quality: float, *, or_if: str | None = None) -> Iterator[_Change]:
    """Let the other's quality rise above `quality`, if that is a rise and below 1."""
    if other.quality <= quality < 1:
        condition = f"its expected quality rose above {quality:.3f} (it is {other.quality:.3f})"
        size = (quality - other.quality) / other.quality if other.quality > 0 else _NO_SHARE
        yield _Change(size=size, would_choose=other.id, condition=f"{condition} or {or_if}" if or_if else condition)
