"""Own limits: what may be spent or used, by whom, in which time; and where each stands."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.types.catalog import Seconds

Unit: TypeAlias = Literal["usd", "requests", "input_tokens", "output_tokens", "concurrent"]
"""What is counted: nano-USD, exchanges, tokens, or exchanges that are being answered."""
ScopeKind: TypeAlias = Literal["all", "key", "team", "user", "router", "model", "provider", "tag"]
Period: TypeAlias = Literal["minute", "hour", "day", "week", "month"]
Mode: TypeAlias = Literal["strict", "elastic"]
"""`strict`: the most that a call can use is held before it is made, so the limit is never passed. `elastic`: what it is
expected to use is held, so long answers that are allowed but seldom given block nobody."""
OnLoss: TypeAlias = Literal["closed", "open"]
"""What becomes of requests while the counters cannot be reached, once this process' own share is used up."""
PER_CALL: Final[frozenset[ScopeKind]] = frozenset({"model", "provider"})
"""Scopes that are known of a call only: what counts exchanges counts calls there."""


class Limit(Struct, frozen=True, kw_only=True):
    """Hold one limit. `amount` is in `unit`; `period` None: of what is under way now (`concurrent`).

    `calendar` False: the last minute, day, ... whenever one looks. `scope` is a key's id, a team's name and so on, a
    tag as `name=value`; it is empty for `all`.
    """

    id: str
    kind: ScopeKind
    scope: str
    unit: Unit
    amount: int
    period: Period | None = None
    calendar: bool = True
    mode: Mode = "elastic"
    on_loss: OnLoss = "closed"
    created: Seconds = 0.0


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hold what one request needs of one limit: `amount`, to be counted in `counter`.

    All of `counters` together must not pass `limit`. `begin` and `end` are those of the counter's time, seconds since
    the epoch; both None: it has none.
    """

    budget: str
    counter: str
    counters: tuple[str, ...]
    amount: int
    limit: int
    begin: Seconds | None = None
    end: Seconds | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """Hold where a limit stands: what is counted, and what is held for requests under way."""

    budget: str
    used: int
    held: int
    limit: int

    @property
    def left(self) -> int:
        """Give what is left of it."""
        return max(0, self.limit - self.used - self.held)


class Verdict(Struct, frozen=True, kw_only=True):
    """Hold the answer to a reservation: where each limit stands now, and the first that had no room, if any.

    `now`: the counters' own clock says that a window is over, or has not begun. `lost`: they have lost what they had
    counted, or never had it. In both cases nothing was held.
    """

    standings: tuple[Standing, ...] = ()
    refused: str | None = None
    now: Seconds | None = None
    lost: bool = False
