from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import msgspec
import pytest

from gearshift.errors import StoreUnavailable
from gearshift.pacing import Pacer
from gearshift.routing.budget import ENOUGH, FIRST, HORIZON
from gearshift.types.catalog import NANO_PER_USD, Seconds
from gearshift.types.decision import Budget, Candidate, Decision, Pace, Step
from gearshift.types.record import Spending
from tests.fakes.house import house, served_by
from tests.fakes.nouns import decision
from tests.fakes.upstream import ScriptedUpstream, answers
from tests.unit.routing.scene import deployment, estimate

BUDGET = Budget(usd=10.0, per="day")
NOON = 43_200.0


class Ledger:
    """Be the log: what was asked of it, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Seconds, Seconds]] = []
        self.spending = Spending(spent=NANO_PER_USD, recent=60)
        self.broken = False

    def __call__(self, router: str, since: Seconds, lately: Seconds) -> Spending:
        self.asked.append((router, since, lately))
        if self.broken:
            raise StoreUnavailable("no disk")
        return self.spending


def choice(router: str = "auto") -> Decision:
    candidates = (
        Candidate(deployment=deployment("a"), estimate=estimate(0.5, 10**6)),
        Candidate(deployment=deployment("b"), estimate=estimate(0.9, 10**8)),
    )
    return msgspec.structs.replace(decision(), router=router, plan=(Step(candidates=candidates),))


def ended(deadline: float) -> None:
    """Wait until no pacer reads any more."""
    while any(thread.name == "pacer" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def told() -> list[tuple[str, Budget, Pace]]:
    return []


@pytest.fixture
def pacer(ledger: Ledger, told: list[tuple[str, Budget, Pace]]) -> Pacer:
    return Pacer({"auto": BUDGET}, ledger, lambda: NOON, lambda *what: told.append(what))


def test_the_pace_follows_the_log_and_the_last_requests(
    pacer: Pacer, ledger: Ledger, told: list[tuple[str, Budget, Pace]]
) -> None:
    pacer.refresh()
    assert ledger.asked == [("auto", 0.0, NOON - HORIZON)]
    assert pacer.paces == {"auto": Pace(usd=FIRST.usd, spent=NANO_PER_USD)}
    for _ in range(ENOUGH):
        pacer.note(choice())
    pacer.refresh()  # 9 dollars for 4,320 requests: 0.0021 each, too little for b
    assert 0.0 < pacer.paces["auto"].usd < (0.1 - 0.001) / 0.4
    ledger.spending = Spending(spent=NANO_PER_USD, recent=1)
    pacer.refresh()
    assert pacer.paces["auto"].usd > 1
    assert [each[:2] for each in told] == [("auto", BUDGET)] * 3


def test_while_the_log_cannot_be_read_the_last_pace_holds(
    pacer: Pacer, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    pacer.refresh()
    before, ledger.broken = pacer.paces, True
    pacer.refresh()
    assert pacer.paces == before
    assert "budget_unread" in caplog.text


def test_other_routers_are_not_remembered(pacer: Pacer) -> None:
    for _ in range(ENOUGH):
        pacer.note(choice("other"))
    pacer.note(msgspec.structs.replace(choice(), plan=()))
    pacer.refresh()
    assert pacer.paces["auto"].usd == FIRST.usd


def test_it_reads_on_by_itself_until_it_is_closed(
    pacer: Pacer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gearshift.pacing.REFRESH", 0.01)
    pacer.start()
    deadline = time.monotonic() + 5
    while len(ledger.asked) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    pacer.close()
    ended(deadline)
    assert len(ledger.asked) >= 3


def test_our_own_bug_does_not_end_it(
    pacer: Pacer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gearshift.pacing.REFRESH", 0.01)
    pacer.start()
    monkeypatch.setattr(ledger, "spending", None)
    deadline = time.monotonic() + 5
    while len(ledger.asked) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    pacer.close()
    ended(deadline)
    assert len(ledger.asked) >= 4
    assert "pacing_error" in caplog.text


def test_without_a_budget_nothing_runs(ledger: Ledger) -> None:
    idle = Pacer({}, ledger, lambda: NOON, lambda *_: None)
    idle.start()
    idle.close()
    assert ledger.asked == []


def test_what_a_router_spends_is_read_from_the_log(tmp_path: Path) -> None:
    """Serve once by a router with a budget of a hundred thousandth of a dollar: then it is spent, and it says so."""

    async def scene() -> None:
        tight = Budget(usd=0.00001, per="month")
        async with (
            ScriptedUpstream(answers(), answers()) as upstream,
            house(tmp_path, served_by(upstream), objective=tight) as home,
        ):
            await home.chat().done()
            assert home.row().cost == 17_000
            home.gateway.pacer.refresh()
            assert home.metric("gearshift_budget_spent_usd", router="auto") == pytest.approx(0.000017)
            assert home.metric("gearshift_budget_usd", router="auto") == 0.00001
            visit = await home.chat(headers={"x-gearshift-metadata": "enabled"}).done()
            assert "the cheapest was taken; raise the budget" in visit.json["gearshift"]["decision"]["detail"]

    asyncio.run(scene())


def test_a_dry_run_is_no_request_to_come(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(answers()) as upstream,
            house(tmp_path, served_by(upstream), objective=Budget(usd=1000.0, per="month")) as home,
        ):
            await home.chat().done()
            assert home.row().cost == 17_000
            dry = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
            for _ in range(ENOUGH):
                assert (await home.post("/v1/route", dry).done()).status == 200
            home.gateway.pacer.refresh()
            assert home.gateway.pacer.paces["auto"].usd == FIRST.usd

    asyncio.run(scene())
