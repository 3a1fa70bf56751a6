"""Own which limits a call touches, when their windows begin, and how much of them is held for it.

A calendar window is one bucket. A rolling one is `SLICES` buckets and the one that is under way, all of which count
whole: somewhat more than the window, so never less.

Invariants: pure. What a call is bounded by is never less than what it can use; what is not known is None.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from gearshift import accounting
from gearshift.types.budget import EACH, Amounts, Budget, Facts, Hold, Kind, Scope, Span, Unit, Window
from gearshift.types.catalog import Deployment, NanoUSD, Price, Seconds
from gearshift.types.ledger import Payer

SLICES: Final = 60
FOREVER: Final = 2**53 - 1
"""The end of what has no window."""
PER_EXCHANGE: Final[frozenset[Kind]] = frozenset({"key", "team", "user", "router", "tag", "all"})
"""Whose requests are counted once, however many calls they take; a model's and a provider's are its calls."""
_COUNTED: Final[frozenset[Unit]] = frozenset({"requests", "concurrent"})
_LENGTHS: Final[dict[Span, int]] = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}


class Budgets:
    """Find the budgets that a request touches, however many there are."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        """Sort the budgets by whom they are of, and by when they are asked."""
        self.all = tuple(budgets)
        self._exchange: dict[Scope, list[Budget]] = {}
        self._call: dict[Scope, list[Budget]] = {}
        for budget in self.all:
            once = budget.unit in _COUNTED and budget.scope.kind in PER_EXCHANGE
            (self._exchange if once else self._call).setdefault(budget.scope, []).append(budget)

    def of_exchange(self, facts: Facts) -> list[tuple[Budget, Scope]]:
        """Give the limits on requests that a whole exchange counts against, each with whose it is."""
        return _matching(self._exchange, facts)

    def since(self, now: Seconds) -> Seconds:
        """Give the time since when anything may count at `now`."""
        begins = [now]
        for budget in self.all:
            begin, ends, back = bucket(budget.window, now)
            if budget.window is not None:
                begins.append(begin - back * (ends - begin))
        return min(begins)

    def of_call(self, facts: Facts) -> list[tuple[Budget, Scope]]:
        """Give the budgets that one call counts against, each with whose it is."""
        return _matching(self._call, facts)


def _matching(index: Mapping[Scope, Sequence[Budget]], facts: Facts) -> list[tuple[Budget, Scope]]:
    if not index:
        return []
    found = []
    for scope in _scopes(facts):
        for asked in (scope,) if scope.value in {"", EACH} else (scope, Scope(scope.kind, EACH)):
            found += [(budget, scope) for budget in index.get(asked, ())]
    return found


def _scopes(facts: Facts) -> list[Scope]:
    found = [Scope("all")]
    named: tuple[tuple[Kind, str | None], ...] = (
        ("key", facts.key),
        ("team", facts.team),
        ("user", facts.user_id),
        ("router", facts.router),
        ("model", facts.model),
        ("provider", facts.provider),
    )
    found += [Scope(kind, value) for kind, value in named if value]
    found += [Scope("tag", tag) for tag in dict.fromkeys(facts.tags)]
    return found


def bucket(window: Window | None, now: Seconds) -> tuple[int, int, int]:
    """Give where the bucket that `now` is in begins and ends, and how many before it count too."""
    if window is None:
        return 0, FOREVER, 0
    length = _LENGTHS[window.span]
    if window.shape == "rolling":
        slice_ = length // SLICES
        begin = math.floor(now / slice_) * slice_
        return begin, begin + slice_, SLICES
    if window.span == "month":
        first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        days = calendar.monthrange(first.year, first.month)[1]
        return int(first.timestamp()), int((first + timedelta(days=days)).timestamp()), 0
    monday = 4 * _LENGTHS["day"] if window.span == "week" else 0  # the epoch began on a Thursday
    begin = math.floor((now - monday) / length) * length + monday
    return begin, begin + length, 0


def hold(budget: Budget, scope: Scope, amount: int, now: Seconds) -> Hold:
    """Hold an amount of a budget, for somebody, in the window that `now` is in."""
    begin, ends, back = bucket(budget.window, now)
    return Hold(
        budget=budget.id,
        scope=scope,
        unit=budget.unit,
        counter=f"{budget.id}\x1f{_storable(scope.value)}",
        begin=begin,
        ends=ends,
        back=back,
        amount=amount,
        limit=budget.limit,
        orphaned=0 if budget.unit == "concurrent" else amount,
    )


def _storable(value: str) -> str:
    """Give text that every store can hold: who calls may be called anything."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def amount(unit: Unit, amounts: Amounts) -> int | None:
    """Give what a call uses of a unit; None where that is not known."""
    match unit:
        case "usd":
            return amounts.usd
        case "input_tokens":
            return amounts.input_tokens
        case "output_tokens":
            return amounts.output_tokens
        case "requests" | "concurrent":
            return 1


def most(price: Price | None, input_tokens: int | None, outputs: Sequence[int | None]) -> Amounts:
    """Bound a call from above; `outputs` are the ends of its answer that are known: what was asked for, the model's."""
    answer = min((each for each in outputs if each is not None), default=None)
    cost: NanoUSD | None = None
    if price is not None and input_tokens is not None and answer is not None:
        cost = accounting.most(price, input_tokens, answer)
    return Amounts(usd=cost, input_tokens=input_tokens, output_tokens=answer)


def frees_at(held: Hold, since: int | None) -> Seconds | None:
    """Say when something of a window's use counts no more: that which began with the bucket at `since`."""
    if held.ends == FOREVER:
        return None
    first = held.begin if since is None else since
    return float(first + (held.back + 1) * (held.ends - held.begin))


def raised(held: Hold, to: int) -> Hold:
    """Give the same hold of another amount."""
    return replace(held, amount=to, orphaned=0 if held.unit == "concurrent" else to)


def facts(payer: Payer, deployment: Deployment | None = None) -> Facts:
    """Give what is known of a request, and of the call where it is asked."""
    return Facts(
        key=payer.key,
        team=payer.team,
        user_id=payer.user_id,
        router=payer.router,
        model=None if deployment is None else deployment.model,
        provider=None if deployment is None else deployment.provider.id,
        tags=tuple(f"{name}={value}" for name, value in payer.tags.items()),
    )
