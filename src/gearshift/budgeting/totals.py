"""Own what the ledger says was used of each budget: what counters are filled with.

Invariants: pure; a cost that is not known counts as the most that it can be, where the call was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from gearshift.budgeting.holding import Budgets, amount, bucket, hold, raised
from gearshift.types.budget import Amounts, Budget, Facts, Hold, Scope
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow


def totals(
    budgets: Budgets, rows: Iterable[LedgerRow], now: Seconds, counted: Collection[str] = frozenset()
) -> list[Hold]:
    """Add up what the ledger says was used in the windows that count at `now`; an unknown cost counts as its bound.

    A row counts in the bucket that it was created in; an exchange's rows are one request. Left out are the calls and
    exchanges whose ids are `counted` already.
    """
    found: dict[tuple[str, int], Hold] = {}
    seen = set(counted)
    for row in rows:
        facts = _facts(row)
        parts: list[tuple[Budget, Scope]] = []
        if row.exchange_id not in seen:
            parts += budgets.of_exchange(facts)
        if row.id not in seen:
            parts += budgets.of_call(facts)
        seen.update((row.exchange_id, row.id))
        used = _amounts(row)
        for budget, scope in parts:
            held = hold(budget, scope, amount(budget.unit, used) or 0, row.created)
            begin, ends, back = bucket(budget.window, now)
            if budget.window is not None and held.begin >= begin - back * (ends - begin):
                before = found.get((held.counter, held.begin))
                total = held if before is None else raised(before, before.amount + held.amount)
                found[held.counter, held.begin] = total
    return list(found.values())


def _facts(row: LedgerRow) -> Facts:
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


def _amounts(row: LedgerRow) -> Amounts:
    """Give what a row of the ledger used: what it cost, else the most that it can have cost if it was sent."""
    cost = row.cost if row.cost is not None else (row.bound if row.billing in {"billed", "maybe_billed"} else 0)
    return Amounts(usd=cost, input_tokens=row.input_tokens, output_tokens=row.output_tokens)
