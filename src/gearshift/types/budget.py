"""Own what may be used: budgets and limits, what is held of them for calls under way, and what was refused.

Invariant: amounts are integers: nano-USD, requests, tokens or slots. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.types.catalog import NanoUSD, Seconds

Unit: TypeAlias = Literal["usd", "requests", "input_tokens", "output_tokens", "concurrent"]
Kind: TypeAlias = Literal["key", "team", "user", "router", "model", "provider", "tag", "all"]
Span: TypeAlias = Literal["minute", "hour", "day", "week", "month"]
Shape: TypeAlias = Literal["calendar", "rolling"]

LARGEST: Final = 2**53 - 1
"""The largest limit: beyond it a store that counts in doubles is not exact. As money, nine million dollars."""
EACH: Final = "*"
"""The value of a scope that counts apart whoever there is."""


class Scope(Struct, frozen=True):
    """Hold whose use is counted; a tag's `value` is `name=value`, that of `all` is empty."""

    kind: Kind
    value: str = ""


class Window(Struct, frozen=True):
    """Hold over which time use is added up: weeks begin on Monday; a rolling month has 30 days."""

    span: Span
    shape: Shape = "calendar"


class Budget(Struct, frozen=True, kw_only=True):
    """Hold the most that may be used in a window; slots (`concurrent`) have no window.

    `strict`: what a call can use at most is held, so the limit is never passed. `elastic`: what it is likely to use is
    held, and more as its answer grows, so a stream passes the limit by one quantum at most. `on_loss` says what is done
    while the counters are lost, once this process has spent its lease: refuse (`closed`), or count its share here
    (`open`).
    """

    id: str
    scope: Scope
    unit: Unit
    limit: int
    window: Window | None = None
    mode: Literal["strict", "elastic"] = "strict"
    on_loss: Literal["closed", "open"] = "closed"


class Facts(Struct, frozen=True, kw_only=True):
    """Hold what is known of a request, or of one of its calls; None: nobody, or not known yet. Tags: `name=value`."""

    key: str | None = None
    team: str | None = None
    user_id: str | None = None
    router: str | None = None
    model: str | None = None
    provider: str | None = None
    tags: tuple[str, ...] = ()


class Amounts(Struct, frozen=True, kw_only=True):
    """Hold what a call uses, or may use; None: not known."""

    usd: NanoUSD | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class Bound(Struct, frozen=True, kw_only=True):
    """Hold what a call uses at most, and what it is likely to use (`likely` None: the same)."""

    most: Amounts
    likely: Amounts | None = None


class Hold(Struct, frozen=True, kw_only=True):
    """Hold an amount of one budget in one of its windows, for a call under way.

    It is counted under `counter` in the bucket [`begin`, `ends`); what counts against `limit` is that bucket and the
    `back` ones before it, each as long. `orphaned` is what is counted as used when nobody tells how the call ended.
    """

    budget: str
    scope: Scope
    unit: Unit
    counter: str
    begin: int
    ends: int
    back: int = 0
    amount: int
    limit: int
    orphaned: int


class Refused(Struct, frozen=True, kw_only=True):
    """Hold which limit a call met, and where it stood; None in `resets_at`: as soon as another call ends.

    `used` None: not known, for the counters are lost or the price is.
    """

    budget: str
    scope: Scope
    unit: Unit
    limit: int
    used: int | None
    held: int
    resets_at: Seconds | None
    cause: Literal["spent", "lost", "unpriced"] = "spent"


class Stale(Struct, frozen=True):
    """Say that a window is not the one that the counters' clock is in: that shows `now`."""

    now: Seconds


class Tally(Struct, frozen=True):
    """Hold what counts against a hold's limit: used, and held for calls under way.

    `since` is where the first bucket begins that has anything, None where none has.
    """

    used: int
    held: int
    since: int | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """Hold where a budget stands for somebody."""

    budget: str
    scope: Scope
    unit: Unit
    limit: int
    used: int
    held: int
    resets_at: Seconds | None
