"""Three processes with hundreds of racing callers on one small budget: it is never passed, and it is used up."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import msgspec

from gearshift import budgeting
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Limit, Standing
from tests.fakes import valkey
from tests.races.racer import Told

ROOT = Path(__file__).parents[2]
PROCESSES = 3
CALLERS = 200
MONEY = Limit(id="money", kind="all", scope="", unit="usd", amount=400_000, period="month", mode="strict")
REQUESTS = Limit(id="requests", kind="key", scope="k", unit="requests", amount=1_000, period="month")
SLOTS = Limit(id="slots", kind="key", scope="k", unit="concurrent", amount=100, period=None)


async def racer(url: str, file: Path, seed: int) -> Told:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = ["-m", "tests.races.racer", url, str(CALLERS), str(file), str(seed)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environ, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return msgspec.json.decode(told, type=Told)


async def standing(url: str, limit: Limit) -> Standing:
    counters = ValkeyCounters(url, time.monotonic, patience=30)
    (found,) = await counters.standings([budgeting.hold(limit, 0, time.time())])
    await counters.close()
    return found


def run(server: valkey.Server, folder: Path, limits: list[Limit]) -> tuple[list[Told], list[Standing]]:
    file = folder / "limits.json"
    file.write_bytes(msgspec.json.encode(limits))

    async def play() -> tuple[list[Told], list[Standing]]:
        server.flush()
        counters = ValkeyCounters(server.url, time.monotonic, patience=30)
        await counters.restore({})
        await counters.close()
        told = await asyncio.gather(*(racer(server.url, file, seed) for seed in range(PROCESSES)))
        return list(told), [await standing(server.url, each) for each in limits]

    return asyncio.run(play())


def test_money_is_never_passed_and_what_is_counted_is_what_was_spent(
    valkey_server: valkey.Server, tmp_path: Path
) -> None:
    told, (money,) = run(valkey_server, tmp_path, [MONEY])
    assert money.used == sum(each.spent for each in told)
    assert money.used <= MONEY.amount
    assert money.held == 0
    refused = sum(each.refused for each in told)
    assert refused > PROCESSES * CALLERS
    assert sum(each.early for each in told) <= refused // 100


def test_requests_and_slots_are_never_passed(valkey_server: valkey.Server, tmp_path: Path) -> None:
    told, (requests, slots) = run(valkey_server, tmp_path, [REQUESTS, SLOTS])
    assert requests.used == sum(each.requests for each in told) <= REQUESTS.amount
    assert (requests.held, slots.used, slots.held) == (0, 0, 0)
