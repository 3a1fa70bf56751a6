"""What is Valkey's own: a server that freezes, and two versions of the functions. The rest is in the contract suite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from gearshift import budgeting
from gearshift.errors import StoreUnavailable
from gearshift.storage import counters_valkey
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Limit
from tests.fakes import valkey
from tests.fakes.upstream import closed_port

LIMIT = Limit(id="frozen", kind="all", scope="", unit="requests", amount=1000, period="day")


@pytest.fixture
def server() -> Iterator[valkey.Server]:
    with valkey.running() as running:
        yield running


def test_a_frozen_server_is_waited_for_once_and_then_left_alone(
    server: valkey.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_valkey, "REST", 0.3)

    async def scene() -> None:
        counters = ValkeyCounters(server.url, time.monotonic)
        await counters.restore({})
        hold = budgeting.hold(LIMIT, 1, time.time())
        assert (await counters.reserve("before", [hold])).refused is None
        server.freeze()
        with pytest.raises(StoreUnavailable, match="do not answer"):
            await counters.reserve("during", [hold])
        for number in range(50):  # none of these is sent
            with pytest.raises(StoreUnavailable, match="rest after a failure"):
                await counters.reserve(f"during-{number}", [hold])
        server.thaw()
        await asyncio.sleep(0.35)
        assert (await counters.reserve("after", [hold])).refused is None
        await counters.close()

    asyncio.run(scene())


def test_a_server_that_is_not_there_is_away() -> None:
    async def scene() -> None:
        counters = ValkeyCounters(f"valkey://127.0.0.1:{closed_port()}", time.monotonic)
        with pytest.raises(StoreUnavailable, match="ConnectionError"):
            await counters.standings([budgeting.hold(LIMIT, 0, time.time())])
        await counters.close()

    asyncio.run(scene())
