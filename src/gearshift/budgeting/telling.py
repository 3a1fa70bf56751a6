"""Own what callers are told of limits: the error where one is met, and the headers of what is left.

Invariant: a message says which limit, whose, what was used of it, and when it is free again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from gearshift import accounting
from gearshift.errors import BudgetSpent, RateLimited
from gearshift.types.budget import Refused, Standing, Unit
from gearshift.types.catalog import Seconds

_NAMES: Final[dict[Unit, str]] = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "concurrent": "requests at once",
}


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
