"""Be one gateway's worth of callers who race for a small budget: `python -m tests.races.racer URL CALLERS LIMITS`.

Each asks again and again until it was refused often enough. What was admitted, and the most at a time, is printed.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from gearshift import budgeting
from gearshift.budgeting import Need, Place
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Limit
from gearshift.types.ledger import Payer

REFUSALS = 3
"""Refusals after which a caller gives up."""


class Told(Struct):
    """Hold what became of a racer's callers."""

    spent: int = 0
    requests: int = 0
    refused: int = 0
    early: int = 0
    """Refusals while less than nine tenths of the money was used and held."""


async def race(url: str, callers: int, limits: list[Limit], seed: int) -> Told:
    """Let callers race."""
    counters = ValkeyCounters(url, time.monotonic, patience=30)  # the race is for the counts, not for the machine
    told, dice = Told(), random.Random(seed)
    place = Place(payer=Payer(key="k"), model="m", provider="p")

    async def call(number: int) -> None:
        refusals = 0
        while refusals < REFUSALS:
            most = dice.randrange(1, 1000)
            need = Need(requests=1, usd=most)
            found = budgeting.touched(limits, place) + budgeting.touched(limits, Place(payer=place.payer))
            holds = [budgeting.hold(each, need.of(each) or 0, time.time()) for each in found]
            name = f"{seed}-{number}-{told.requests}-{told.refused}"
            verdict = await counters.reserve(name, holds)
            if verdict.now is not None:
                continue
            if verdict.refused is not None:
                refusals += 1
                told.refused += 1
                at = next(each for each in verdict.standings if each.budget == verdict.refused)
                told.early += at.used + at.held < at.limit * 9 // 10
                await asyncio.sleep(dice.random() * 0.01)
                continue
            await asyncio.sleep(dice.random() * 0.01)
            actual = dice.randrange(0, most + 1)
            await counters.settle(name, {each.id: actual if each.unit == "usd" else 1 for each in limits})
            told.spent += actual
            told.requests += 1

    await asyncio.gather(*(call(number) for number in range(callers)))
    await counters.close()
    return told


if __name__ == "__main__":
    asked = msgspec.json.decode(Path(sys.argv[3]).read_bytes(), type=list[Limit])
    done = asyncio.run(race(sys.argv[1], int(sys.argv[2]), asked, int(sys.argv[4])))
    sys.stdout.write(msgspec.json.encode(done).decode())
