"""Own what the ledger says of an attempt: who pays, what it used, what it cost, and how sure that is.

The ledger is the truth about money: one row per upstream call, failed ones too, named by the attempt's id.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from gearshift.types.catalog import NanoUSD, Seconds
from gearshift.types.record import Billing, Purpose

LedgerState: TypeAlias = Literal["finished", "unknown"]
"""`unknown`: the process died while the call was under way. It may have been billed, for at most `bound`."""


WhenFull: TypeAlias = Literal["refuse", "count"]
"""What becomes of a call that cannot be written down: it is not made, or it is made and counted as one that was not."""


class Payer(Struct, frozen=True, kw_only=True):
    """Hold on whose behalf an exchange is: what money is counted by, beside models and providers."""

    key: str | None = None
    team: str | None = None
    user_id: str | None = None
    router: str | None = None
    tags: dict[str, str] = {}


class LedgerRow(Struct, frozen=True, array_like=True, kw_only=True):
    """Hold one attempt as it is counted.

    `created` and `ended` are seconds since the epoch; `cost` and `bound`, the most that it can cost, nano-USD; None is
    unknown. `tags` is a JSON object of text. `estimated`: the tokens were counted by us, not by the upstream; None
    where there are none. The order of the fields is the form of the write-ahead log: new ones come last, with a
    default.
    """

    id: str
    exchange_id: str
    created: Seconds
    ended: Seconds | None
    deployment: str
    model: str
    provider: str
    key: str | None
    team: str | None
    user_id: str | None
    router: str | None
    tags: str | None
    purpose: Purpose
    state: LedgerState
    status: int | None
    error: str | None
    billing: Billing
    estimated: bool | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost: NanoUSD | None
    bound: NanoUSD | None
