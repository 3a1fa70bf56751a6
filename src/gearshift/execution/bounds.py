"""Own the bounds of one exchange: the config's, tightened by what the caller's headers say, never widened.

What the body says of fallbacks is the decision's affair: the plan holds only what may be tried.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gearshift.types.catalog import Seconds
from gearshift.types.inbound import Inbound


class Limits(Struct, frozen=True, kw_only=True):
    """Hold the bounds of one exchange, in seconds but for `max_attempts` and `retries`, those of one target.

    `first_token_timeout`, `stall_timeout` (nothing comes) and `content_timeout` (nothing but signs of life) bound a
    stream; an answer that is not streamed comes all at once, and has `answer_timeout` for it. `reasoning_timeout` takes
    the place of a shorter one where the model thinks. `first_content` is the caller's own bound for each attempt to
    begin to answer. `deadline` bounds the exchange from the request's arrival on; `spent` is what passed of it before
    any attempt. `keep_alive` is how long a stream may be quiet before its caller gets a sign of life; 0: for ever.
    `rescue`: another may go on with a stream that broke. A stream without content after `hedge_after` is asked of a
    second deployment too; None: never. `circuit_breaker`: who keeps failing is left alone for a while.
    """

    max_attempts: int = 3
    retries: int = 1
    deadline: Seconds = 600.0
    spent: Seconds = 0.0
    connect_timeout: Seconds = 5.0
    first_token_timeout: Seconds = 10.0
    answer_timeout: Seconds = 300.0
    stall_timeout: Seconds = 30.0
    content_timeout: Seconds = 60.0
    reasoning_timeout: Seconds = 120.0
    first_content: Seconds | None = None
    keep_alive: Seconds = 10.0
    rescue: bool = True
    hedge_after: Seconds | None = None
    circuit_breaker: bool = True
    allow_fallbacks: bool = True


def of(limits: Limits, inbound: Inbound, *, stream: bool, spent: Seconds) -> Limits:
    """Give `limits` as `inbound` has them, `spent` seconds after it arrived."""
    changes: dict[str, float | bool | None] = {"spent": spent}
    patience = None if stream else inbound.patience  # of a stream it bounds the pauses, not the whole
    stated = [each for each in (inbound.deadline, patience) if each is not None]
    if stated:
        changes["deadline"] = min(*stated, limits.deadline)
    if inbound.first_content is not None:
        changes["first_content"] = inbound.first_content
    if limits.hedge_after is not None and not stream:  # only the first token of a stream is worth it
        changes["hedge_after"] = None
    if inbound.no_fallback:
        changes["allow_fallbacks"] = False
    return msgspec.structs.replace(limits, **changes)
