"""A gateway may die at any moment: no call is lost, none is counted twice. `make crash` kills it 200 times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.crash.dying import POINTS
from tests.crash.trial import Account, Death, Trial
from tests.fakes.postgres import Server

DIED_ANYWHERE = [Death(after=0.3), Death(after=0.8)]
ONCE = {"the next segment was begun": 1}
HALVES = [list(POINTS)[::2], list(POINTS)[1::2]]


def check(account: Account, deaths: int) -> None:
    assert account.faults == []
    assert account.deaths == deaths
    assert account.finished >= account.completed > 0


@pytest.mark.parametrize("points", HALVES, ids=["even", "odd"])
def test_no_call_is_lost_or_doubled_wherever_the_gateway_dies(points: list[str], tmp_path: Path) -> None:
    deaths = [*DIED_ANYWHERE, *(Death(point=point, count=ONCE.get(point, 2)) for point in points)]
    trial = Trial(tmp_path, f"sqlite:///{tmp_path / 'gearshift.db'}", seed=len(points))
    account = asyncio.run(trial.run(deaths))
    check(account, len(deaths))
    assert account.unknown > 0  # each half has a point at which a call is under way


def test_nor_while_postgresql_is_restarted(postgres: Server, tmp_path: Path) -> None:
    async def restart() -> None:
        await asyncio.sleep(0.4)
        await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(postgres.start)

    deaths = [Death(after=1.5), Death(point="a batch was stored", count=2)]
    trial = Trial(tmp_path, postgres.fresh(), seed=3)
    check(asyncio.run(trial.run(deaths, restart)), len(deaths))


def test_no_call_fails_and_no_row_is_lost_while_postgresql_is_away(postgres: Server, tmp_path: Path) -> None:
    async def outage() -> None:
        await asyncio.sleep(1.5)  # the gateway has started, and is under load
        await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(3)
        await asyncio.to_thread(postgres.start)

    trial = Trial(tmp_path, postgres.fresh(), seed=4)
    account = asyncio.run(trial.run([], outage, last=6.5))
    assert account.faults == []
    assert (trial.failed, account.unknown) == (0, 0)
    assert account.finished == account.completed > 0
