"""Own what budgets and limits say of a request, before it is made and after.

    purse = Purse(budgets, counters, clock=time.time, ledger=rows_since, replicas=3)
    await purse.start()
    refused = await purse.open(exchange, facts)          one request: requests, slots
    refused = await purse.reserve(call, facts, bound)    one upstream call: dollars, tokens
    refused = await purse.grow(call, so_far)             as a stream grows, at least once for each quantum
    await purse.settle(call, spent)                      what it used; or `release`, where it was surely not sent
    await purse.close(exchange)                          the request is over
    purse.standings(exchange)                            for `budgeting.headers`
    await purse.stop()

What is refused is said by `budgeting.error_of`. Where no budget matches, nothing is awaited and nothing is kept.
"""

from __future__ import annotations

from gearshift.purse.purse import Purse

__all__ = ["Purse"]
