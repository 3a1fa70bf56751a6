"""Own which limits a request touches, in which stretch of time, by how much, and what is said where one has no room.

    calendar   the minute, hour, day, week (from Monday) or month in UTC: one counter, whose name has its beginning
    rolling    the last minute, ...: in twelfths, of which the oldest counts as a whole, so it is never over the limit

Pure: the time is an argument. Invariant: a new window is a new counter, never one that is set back to 0, so nothing
that was counted is lost when it turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final, assert_never

from msgspec import Struct

from gearshift.accounting import usd
from gearshift.errors import BudgetSpent, RateLimited
from gearshift.types.budget import PER_CALL, Hold, Limit, Period, Standing, Unit
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import Payer

PARTS: Final = 12
"""Counters of a rolling window."""
LENGTHS: Final[dict[Period, Seconds]] = {
    "minute": 60.0,
    "hour": 3_600.0,
    "day": 86_400.0,
    "week": 604_800.0,
    "month": 2_592_000.0,
}
"""Seconds of a rolling window; a rolling month has 30 days."""
_WORDS: Final[dict[Unit, str]] = {
    "usd": "",
    "requests": "requests",
    "input_tokens": "tokens of input",
    "output_tokens": "tokens of output",
    "concurrent": "requests at a time",
}


class Place(Struct, frozen=True, kw_only=True):
    """Hold whom a request is for and, once it is known, whom a call goes to."""

    payer: Payer
    model: str | None = None
    provider: str | None = None


class Need(Struct, frozen=True, kw_only=True):
    """Hold what a request or a call needs: at most, and as it is expected; None is unknown."""

    requests: int = 0
    usd: int | None = 0
    usd_expected: int | None = 0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    output_expected: int | None = 0

    def of(self, limit: Limit) -> int | None:
        """Give what is to be held of a limit, None where it has no known end."""
        strict = limit.mode == "strict"
        match limit.unit:
            case "usd":
                return self.usd if strict else _known(self.usd_expected, self.usd)
            case "input_tokens":
                return self.input_tokens
            case "output_tokens":
                return self.output_tokens if strict else _known(self.output_expected, self.output_tokens)
            case "requests" | "concurrent":
                return self.requests


def _known(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def touched(limits: Iterable[Limit], place: Place) -> list[Limit]:
    """Give the limits that hold for a place: those of a request, or with a model those of a call."""
    return [each for each in limits if _covers(each, place) and _counts(each, called=place.model is not None)]


def _counts(limit: Limit, *, called: bool) -> bool:
    """Say whether a limit is counted for each call, or once for a request."""
    per_call = limit.unit not in {"requests", "concurrent"} or limit.kind in PER_CALL
    return per_call == called


def _covers(limit: Limit, place: Place) -> bool:
    payer = place.payer
    match limit.kind:
        case "all":
            return True
        case "key":
            return payer.key == limit.scope
        case "team":
            return payer.team == limit.scope
        case "user":
            return payer.user_id == limit.scope
        case "router":
            return payer.router == limit.scope
        case "model":
            return place.model == limit.scope
        case "provider":
            return place.provider == limit.scope
        case "tag":
            name, _, value = limit.scope.partition("=")
            return payer.tags.get(name) == value


def hold(limit: Limit, amount: int, now: Seconds) -> Hold:
    """Give what is to be held of a limit at `now`, seconds since the epoch."""
    if limit.period is None:
        counter = f"{limit.id}@now"
        return Hold(budget=limit.id, counter=counter, counters=(counter,), amount=amount, limit=limit.amount)
    begin, end = window(limit.period, now) if limit.calendar else part(limit.period, now)
    length = end - begin
    parts = 1 if limit.calendar else PARTS + 1
    counters = tuple(f"{limit.id}@{int(begin - number * length)}" for number in range(parts))
    return Hold(
        budget=limit.id,
        counter=counters[0],
        counters=counters,
        amount=amount,
        limit=limit.amount,
        begin=begin,
        end=end,
    )


def window(period: Period, now: Seconds) -> tuple[Seconds, Seconds]:
    """Give the beginning and the end of the calendar's window, in UTC."""
    at = datetime.fromtimestamp(now, UTC).replace(second=0, microsecond=0)
    match period:
        case "minute":
            begin, end = at, at + timedelta(minutes=1)
        case "hour":
            begin = at.replace(minute=0)
            end = begin + timedelta(hours=1)
        case "day":
            begin = at.replace(hour=0, minute=0)
            end = begin + timedelta(days=1)
        case "week":
            day = at.replace(hour=0, minute=0)
            begin = day - timedelta(days=day.weekday())
            end = begin + timedelta(days=7)
        case "month":
            begin = at.replace(day=1, hour=0, minute=0)
            end = (begin + timedelta(days=31)).replace(day=1)
        case _:
            assert_never(period)
    return begin.timestamp(), end.timestamp()


def part(period: Period, now: Seconds) -> tuple[Seconds, Seconds]:
    """Give the beginning and the end of the present part of a rolling window."""
    length = LENGTHS[period] / PARTS
    begin = now // length * length
    return begin, begin + length


def since(limit: Limit, now: Seconds) -> Seconds:
    """Give from when on usage counts against a limit."""
    if limit.period is None:
        return now
    return window(limit.period, now)[0] if limit.calendar else part(limit.period, now - LENGTHS[limit.period])[0]


def resets_in(limit: Limit, now: Seconds) -> Seconds | None:
    """Give in how many seconds there may be room again; None: as soon as something under way has ended."""
    if limit.period is None:
        return None
    return (window(limit.period, now) if limit.calendar else part(limit.period, now))[1] - now


def refusal(limit: Limit, standing: Standing, needed: int, now: Seconds) -> BudgetSpent | RateLimited:
    """Say which limit has no room, whose it is, where it stands, and when to come again."""
    wait = resets_in(limit, now)
    whose = "of all" if limit.kind == "all" else f"of {limit.kind} {limit.scope[:80]}"
    each = "" if limit.period is None else f" a {limit.period}"
    most = f"{amount(limit.unit, limit.amount)} {_WORDS[limit.unit]}".rstrip() + each
    found = (
        f"found no room in the limit {limit.id} {whose}: {most}, "
        f"{amount(limit.unit, standing.used)} used, {amount(limit.unit, standing.held)} held for requests under way, "
        f"{amount(limit.unit, needed)} needed"
    )
    when = "wait for one of them to end" if wait is None else f"there may be room in {ceil(wait)} s"
    if limit.unit == "usd":
        return BudgetSpent(f"{found}; {when}, or have it raised", retry_after=wait)
    return RateLimited(f"{found}; {when}", retry_after=1.0 if wait is None else wait)


def unbounded(limit: Limit) -> BudgetSpent:
    """Say that a strict limit cannot be kept, for nobody knows what the call may cost."""
    found = f"found a call whose cost or length has no known bound, but the limit {limit.id} is strict"
    return BudgetSpent(f"{found}; set max_tokens, or state the model's price and max_output_tokens", retry_after=None)


def amount(unit: Unit, value: int) -> str:
    """Write an amount."""
    return f"${usd(value)}" if unit == "usd" else f"{value:,}"


def headers(limits: Iterable[Limit], standings: Iterable[Standing], now: Seconds) -> Iterator[tuple[bytes, bytes]]:
    """Give the headers that say where a caller stands, as OpenAI spells them: of the limit with the least left."""
    known = {each.id: each for each in limits}
    for unit, name in (("requests", b"requests"), ("input_tokens", b"tokens"), ("output_tokens", b"tokens")):
        of_unit = [each for each in standings if known[each.budget].unit == unit]
        if not of_unit:
            continue
        least = min(of_unit, key=lambda each: each.left)
        wait = resets_in(known[least.budget], now)
        yield b"x-ratelimit-limit-" + name, b"%d" % least.limit
        yield b"x-ratelimit-remaining-" + name, b"%d" % least.left
        if wait is not None:
            yield b"x-ratelimit-reset-" + name, b"%ds" % ceil(wait)
        if name == b"tokens":
            return
