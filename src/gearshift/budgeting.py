"""Own which limits a call touches, when their windows begin, and what is said where one is met.

A calendar window is one bucket. A rolling one is `SLICES` buckets and the one that is under way, all of which count
whole: somewhat more than the window, so never less. Where nothing was used for as long as a window, all is free.

Invariants: pure. What a call is bounded by is never less than what it can use; what is not known cannot be held, so a
strict budget refuses it.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from gearshift import accounting
from gearshift.errors import BudgetSpent, RateLimited
from gearshift.types.budget import (
    EACH,
    Amounts,
    Budget,
    Facts,
    Hold,
    Kind,
    Refused,
    Scope,
    Span,
    Standing,
    Unit,
    Window,
)
from gearshift.types.catalog import Deployment, NanoUSD, Price, Seconds
from gearshift.types.ledger import LedgerRow, Payer

SLICES: Final = 60
FOREVER: Final = 2**53 - 1
"""The end of what has no window."""
PER_EXCHANGE: Final[frozenset[Kind]] = frozenset({"key", "team", "user", "router", "tag", "all"})
"""Whose requests are counted once, however many calls they take; a model's and a provider's are its calls."""
_COUNTED: Final[frozenset[Unit]] = frozenset({"requests", "concurrent"})
_LENGTHS: Final[dict[Span, int]] = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
_NAMES: Final[dict[Unit, str]] = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "concurrent": "requests at once",
}


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


def totals(budgets: Budgets, rows: Iterable[LedgerRow], now: Seconds) -> list[Hold]:
    """Add up what the ledger says was used in the windows that count at `now`; an unknown cost counts as its bound.

    A row counts in the bucket that it was created in; an exchange's rows are one request.
    """
    found: dict[tuple[str, int], Hold] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        facts = facts_of(row)
        used = amounts_of(row)
        for budget, scope in (*budgets.of_exchange(facts), *budgets.of_call(facts)):
            if budget.unit == "concurrent":
                continue
            held = hold(budget, scope, amount(budget.unit, used) or 0, row.created)
            begin, ends, back = bucket(budget.window, now)
            once = (held.counter, row.exchange_id)
            repeated = budget.unit == "requests" and budget.scope.kind in PER_EXCHANGE and once in seen
            if repeated or held.begin < begin - back * (ends - begin):
                continue
            seen.add(once)
            place = (held.counter, held.begin)
            before = found.get(place)
            found[place] = held if before is None else raised(before, before.amount + held.amount)
    return list(found.values())


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


def facts_of(row: LedgerRow) -> Facts:
    """Give whose a row of the ledger is."""
    tags = msgspec.json.decode(row.tags, type=dict[str, str]) if row.tags else {}
    return Facts(
        key=row.key,
        team=row.team,
        user_id=row.user_id,
        router=row.router,
        model=row.model,
        provider=row.provider,
        tags=tuple(f"{name}={value}" for name, value in tags.items()),
    )


def amounts_of(row: LedgerRow) -> Amounts:
    """Give what a row of the ledger used: what it cost, else the most that it can have cost if it was sent."""
    cost = row.cost if row.cost is not None else (row.bound if row.billing in {"billed", "maybe_billed"} else 0)
    return Amounts(usd=cost, input_tokens=row.input_tokens, output_tokens=row.output_tokens)


def error_of(refused: Refused, now: Seconds) -> BudgetSpent | RateLimited:
    """Say to the caller which limit was met, whose it is, what was used of it, and when it is free again."""
    wait = max(1, math.ceil(refused.resets_at - now)) if refused.resets_at is not None else None
    whose = f" of {refused.scope.kind} {refused.scope.value!r}" if refused.scope.value else ""
    found = f"found budget {refused.budget!r}{whose} at {_standing(refused)}"
    reset = "" if refused.resets_at is None else f"; resets at {datetime.fromtimestamp(refused.resets_at, UTC):%FT%TZ}"
    match refused.cause:
        case "unpriced":
            told = f"{found}, and a call whose cost has no known end; name max_tokens, or a model whose price is known"
            return BudgetSpent(told, retry_after=None)
        case "lost":
            told = f"{found}, and its counters cannot be reached; try again soon"
            return _error(refused.unit, told, 1)
        case "spent":
            return _error(refused.unit, f"{found}: this request does not fit{reset}", wait or 1)


def _error(unit: Unit, told: str, wait: int) -> BudgetSpent | RateLimited:
    return BudgetSpent(told, retry_after=wait) if unit == "usd" else RateLimited(told, retry_after=wait)


def _standing(refused: Refused) -> str:
    used = "an unknown use" if refused.used is None else _told(refused.unit, refused.used)
    return (
        f"{used}, {_told(refused.unit, refused.held)} held for calls under way, of {_told(refused.unit, refused.limit)}"
    )


def _told(unit: Unit, count: int) -> str:
    return f"${accounting.usd(count)}" if unit == "usd" else f"{count} {_NAMES[unit]}"


def headers(standings: Iterable[Standing], now: Seconds) -> list[tuple[str, str]]:
    """Spell the tightest limits on requests and tokens as OpenAI does (`x-ratelimit-remaining-requests`, …).

    OpenAI, "Rate limits", headers, read 2026-11: a reset is a duration such as `1s` or `6m0s`.
    """
    tightest: dict[str, tuple[int, Standing]] = {}
    for each in standings:
        if each.unit in {"usd", "concurrent"}:
            continue
        name = "requests" if each.unit == "requests" else "tokens"
        left = max(0, each.limit - each.used - each.held)
        if name not in tightest or left < tightest[name][0]:
            tightest[name] = (left, each)
    found = []
    for name, (left, each) in tightest.items():
        found += [(f"x-ratelimit-limit-{name}", str(each.limit)), (f"x-ratelimit-remaining-{name}", str(left))]
        if each.resets_at is not None:
            found.append((f"x-ratelimit-reset-{name}", _duration(max(0, math.ceil(each.resets_at - now)))))
    return found


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{left}s"
