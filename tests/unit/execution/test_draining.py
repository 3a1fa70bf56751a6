from __future__ import annotations

import asyncio

import pytest

from gearshift.execution import draining
from gearshift.execution.draining import Drains


def test_what_reads_on_runs_aside_and_makes_room_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "MOST", 2)

    async def scene() -> None:
        more, drains = asyncio.Event(), Drains()

        async def reading() -> None:
            await more.wait()

        first, second = drains.begin(reading), drains.begin(reading)
        assert first is not None
        assert second is not None
        assert drains.begin(reading) is None
        assert drains.running == 2
        more.set()
        await asyncio.wait([first, second])
        assert drains.begin(reading) is not None
        await drains.close()

    asyncio.run(scene())


def test_closing_cuts_what_runs_and_waits_until_its_end_is_known() -> None:
    async def scene() -> None:
        drains, said = Drains(), list[str]()

        async def reading() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                said.append("as far as it came")

        task = drains.begin(reading)
        assert task is not None
        task.add_done_callback(lambda _: said.append("recorded"))
        await asyncio.sleep(0)
        await drains.close()
        assert said == ["as far as it came", "recorded"]
        assert drains.begin(reading) is None
        await drains.close()

    asyncio.run(scene())
