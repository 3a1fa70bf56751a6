"""Limits through the whole gateway: what is held, counted, refused, and what happens while the counters are away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from gearshift.errors import RateLimited, StoreUnavailable
from gearshift.purse import Purse
from gearshift.storage.counters import TTL
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Hold, Limit, Verdict
from gearshift.types.catalog import Price, Rates
from gearshift.types.ledger import Payer
from tests.fakes.house import House, house, served_by
from tests.fakes.nouns import USD_PER_MILLION
from tests.fakes.upstream import Scene, ScriptedUpstream, answers, refuses, says

DEAR = Price(rates=Rates(input=1000 * USD_PER_MILLION, output=1000 * USD_PER_MILLION), source="config")
BUDGET = Limit(id="", kind="all", scope="", unit="usd", amount=10_000_000, period="day")
REQUESTS = replace(BUDGET, unit="requests", amount=2)


def play(
    folder: Path, limits: list[Limit], scene: Callable[[House, ScriptedUpstream], Awaitable[None]], *scenes: Scene
) -> None:
    async def run() -> None:
        async with ScriptedUpstream(*(scenes or [answers()] * 20)) as upstream:
            models = served_by(upstream, "dear", price=DEAR), served_by(upstream, "small")
            async with house(folder, *models) as home:
                for each in limits:
                    home.book.make("test", each)
                home.keyring.refresh()
                await scene(home, upstream)

    asyncio.run(run())


async def stand(home: House) -> list[tuple[int, int]]:
    await asyncio.sleep(0)
    return [(each.used, each.held) for _limit, each in await home.purse.standings()]


def test_money_is_counted_to_the_nano_dollar_and_held_meanwhile(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        assert (await home.chat("small").done()).status == 200
        assert await stand(home) == [(home.row().cost, 0)]

    play(tmp_path, [BUDGET], scene)


def test_a_candidate_that_is_too_dear_for_what_is_left_is_passed_over_for_a_cheaper_one(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        visit = await home.chat().done()
        assert (visit.status, visit.headers["x-gearshift-model"]) == (200, "small")
        assert len(upstream.log) == 1
        named = await home.chat("dear").done()
        assert (named.status, named.json["error"]["code"]) == (402, "budget_exceeded")
        assert "needed" in named.json["error"]["message"]
        assert int(named.headers["retry-after"]) > 0
        assert len(upstream.log) == 1

    play(tmp_path, [BUDGET], scene)


def test_requests_are_limited_with_headers_that_say_so_and_a_refusal_uses_nothing(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        first = await home.chat("small").done()
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        too_dear = await home.chat("dear").done()
        assert too_dear.status == 402
        assert (await home.chat("small").done()).status == 200
        refused = await home.chat("small").done()
        assert (refused.status, refused.json["error"]["code"]) == (429, "rate_limit_exceeded")
        assert await stand(home) == [(2, 0), (home.rows()[0].cost or 0) and (34_000, 0)]

    play(tmp_path, [REQUESTS, BUDGET], scene)


def test_a_call_that_failed_unbilled_costs_nothing(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        assert (await home.chat("small").done()).status == 502
        assert await stand(home) == [(0, 0)]

    play(tmp_path, [BUDGET], scene, refuses(500))


def test_a_caller_who_leaves_leaves_nothing_held(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        visits = [home.chat("small").start() for _ in range(5)]
        await asyncio.wait_for(upstream.news.wait(), 5)
        for visit in visits:
            visit.leave()
        await asyncio.gather(*(visit.done() for visit in visits))
        assert [held for _used, held in await stand(home)] == [0, 0]

    slots = replace(BUDGET, unit="concurrent", amount=5, period=None)

    play(tmp_path, [slots, BUDGET], scene, *[says(b"")] * 5)


def test_a_strict_budget_refuses_what_has_no_bound(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        refused = await home.chat("small").done()
        assert (refused.status, "no known bound" in refused.json["error"]["message"]) == (402, True)
        assert (await home.chat("small", max_tokens=10).done()).status == 200

    play(tmp_path, [replace(BUDGET, mode="strict", amount=10**12)], scene)


def test_what_was_used_before_a_limit_was_made_counts(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        for _number in range(2):
            await home.chat("small").done()
        assert home.store.flush(5)
        home.book.make("test", REQUESTS)
        home.keyring.refresh()
        assert (await home.chat("small").done()).status == 429

    play(tmp_path, [], scene)


class Away(MemoryCounters):
    """Be counters that can be away."""

    gone = False

    async def reserve(self, name: str, holds: Sequence[Hold], ttl: float = TTL) -> Verdict:
        if self.gone:
            raise StoreUnavailable("away")
        return await super().reserve(name, holds, ttl)


@pytest.mark.parametrize(("on_loss", "admitted"), [("closed", 2), ("open", 10)])
def test_while_the_counters_are_away_a_share_is_left_or_the_door_open(
    on_loss: str, admitted: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="gearshift.limits")

    async def scene() -> None:
        counters = Away(time.time)
        purse = Purse(counters, lambda _limit, _since: 0, time.time)
        purse.learn([replace(REQUESTS, id="r", amount=100, on_loss=on_loss)])
        await purse.admit("first", Payer())
        counters.gone = True
        done = 0
        for number in range(10):
            with suppress(RateLimited):
                await purse.admit(str(number), Payer())
                done += 1
        assert done == admitted
        counters.gone = False
        await purse.admit("last", Payer())
        await purse.shut()

    asyncio.run(scene())
    told = [each.getMessage() for each in caplog.records if "limits_" in each.getMessage()]
    assert [each for each in told if each != "limits_recounted"] == ["limits_away", "limits_back"]


def test_what_was_used_while_the_counters_were_away_is_told_once_they_are_back() -> None:
    async def scene() -> None:
        counters = Away(time.time)
        in_ledger = 0
        purse = Purse(counters, lambda _limit, _since: in_ledger, time.time)
        purse.learn([replace(REQUESTS, id="r", amount=100)])
        await purse.admit("before", Payer())
        counters.gone = True
        await purse.admit("meanwhile", Payer())
        purse.close("meanwhile", asked=True)
        in_ledger = 40
        counters.gone = False
        await purse.admit("after", Payer())
        await purse.shut()
        ((_, standing),) = await purse.standings()
        assert (standing.used, standing.held) == (40, 2)

    asyncio.run(scene())
