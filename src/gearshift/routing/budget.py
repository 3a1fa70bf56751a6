"""Own pacing: what a unit of quality may be worth, so that a budget lasts its window.

    allowance = (budget - spent) / (time left x requests per second)        US dollars for one request
    worth     = the highest at which the last requests would have cost no more than that each, on average

So the worth is what a budget's requests have in common (its Lagrange multiplier): a hard prompt may cost more than an
easy one, and together they keep to it. What was not spent early is there to spend later.
Invariants: pure. With nothing left, or less than the cheapest choices cost, the worth is 0: the cheapest serves.

References
----------
.. [1] Balseiro and Gur, "Learning in repeated auctions with budgets", Management Science 65 (2019): adaptive pacing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from gearshift.types.catalog import NANO_PER_USD, Seconds
from gearshift.types.decision import Budget, Candidate, Pace, WillingnessToPay
from gearshift.types.record import Spending

Choices: TypeAlias = tuple[tuple[float, float], ...]
"""Expected quality and cost (USD) of what one request could have gone to."""

FIRST: Final = Pace(usd=0.01, spent=None)
"""Where a budget begins, until requests have told what they cost: a cent for a unit of quality."""
HORIZON: Final[Seconds] = 600.0
"""How far back requests are counted to know how many there will be."""
ENOUGH: Final = 20
"""Requests that must have been seen before the worth is worked out."""
_HIGHEST: Final = 100.0
_LOWEST: Final = 1e-7
_STEPS: Final = 30


def window(now: Seconds, budget: Budget) -> tuple[Seconds, Seconds]:
    """Give the begin and the end of the window that `now` is in; all are seconds since the epoch."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if budget.per == "day":
        return day.timestamp(), (day + timedelta(days=1)).timestamp()
    first = day.replace(day=1)
    return first.timestamp(), (first + timedelta(days=32)).replace(day=1).timestamp()


def options(candidates: Iterable[Candidate]) -> Choices:
    """Give what a request could have gone to, as far as its cost is known."""
    return tuple(
        (each.estimate.quality, each.estimate.cost / NANO_PER_USD)
        for each in candidates
        if each.estimate is not None and each.estimate.cost is not None
    )


def pace(budget: Budget, now: Seconds, spending: Spending, asked: Sequence[Choices], before: Pace = FIRST) -> Pace:
    """Work out the pace at `now`; `asked` are the last requests, `before` the pace that holds until they are enough."""
    left = budget.usd - spending.spent / NANO_PER_USD
    if left <= 0:
        return Pace(usd=0.0, spent=spending.spent, unknown=spending.unknown)
    if len(asked) < ENOUGH or not spending.recent:
        return Pace(usd=before.usd or FIRST.usd, spent=spending.spent, unknown=spending.unknown)
    end = window(now, budget)[1]
    allowance = left / max(1.0, (end - now) * spending.recent / HORIZON)
    return Pace(usd=worth(asked, allowance), spent=spending.spent, unknown=spending.unknown)


def worth(asked: Sequence[Choices], allowance: float) -> float:
    """Give the highest worth (USD for a unit of quality) at which `asked` cost at most `allowance` each, on average."""
    if _mean_cost(asked, _HIGHEST) <= allowance:
        return _HIGHEST
    if _mean_cost(asked, _LOWEST) > allowance:
        return 0.0
    low, high = _LOWEST, _HIGHEST
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _mean_cost(asked, middle) <= allowance else (low, middle)
    return low


def settled(budget: Budget, at: Pace) -> WillingnessToPay:
    """Give the objective that a budget amounts to at a pace."""
    return WillingnessToPay(usd=at.usd, p95_first_token=budget.p95_first_token, latency_price=budget.latency_price)


def pacing(budget: Budget, at: Pace) -> str:
    """Say where a budget stands."""
    worth_now = f"a unit of quality is worth ${at.usd:.6g}"
    if at.spent is None:
        return f"what is spent of ${budget.usd:.6g} a {budget.per} is not known here; {worth_now}"
    spent = at.spent / NANO_PER_USD
    said = f"${spent:.6g} of ${budget.usd:.6g} a {budget.per} are spent"
    if at.unknown:
        said += f", and {at.unknown} exchanges cost what is not known"
    if spent >= budget.usd:
        return f"{said}: the cheapest was taken; raise the budget, or wait for the next {budget.per}"
    return f"{said}; {worth_now}"


def _mean_cost(asked: Sequence[Choices], usd: float) -> float:
    """Give what each request would have cost at a worth of `usd`; of equals the cheaper is chosen."""
    costs = [min((cost - quality * usd, cost) for quality, cost in choices)[1] for choices in asked if choices]
    return sum(costs) / max(1, len(costs))
