"""Own the bounds of one exchange: the config's, tightened by what the caller's headers say, never widened.

What the body says of fallbacks is the decision's affair: the plan holds only what may be tried.
"""

from __future__ import annotations

import msgspec

from gearshift.execution.machine import Limits
from gearshift.types.inbound import Inbound


def of(limits: Limits, inbound: Inbound, *, stream: bool) -> Limits:
    """Give `limits` as `inbound` has them."""
    changes: dict[str, float | bool | None] = {}
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
    return msgspec.structs.replace(limits, **changes) if changes else limits
