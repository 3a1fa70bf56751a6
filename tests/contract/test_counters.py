"""What every store of counters must do (`storage.counters.Counters`)."""

from __future__ import annotations

import asyncio
import time

import pytest

from gearshift.errors import CountersLost
from gearshift.storage.counters import Counters
from gearshift.types.budget import LARGEST, Hold, Refused, Stale, Tally, Window
from tests.fakes.counters import KINDS, Make, budget, held, maker, opened, stands, until

SHORT = 0.05


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Make:
    return maker(request.param, request)


async def orphaned(counters: Counters, call: str) -> None:
    async def found() -> bool:
        return call in await counters.expire()

    await until(found)


def test_what_is_held_counts_until_it_is_settled_at_what_it_was(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            assert isinstance(await counters.reserve("a", [held(60)], 30.0), tuple)
            assert await stands(counters) == (0, 60)
            refused = await counters.reserve("b", [held(41)], 30.0)
            assert isinstance(refused, Refused)
            assert (refused.used, refused.held, refused.limit, refused.budget) == (0, 60, 100, "b")
            assert refused.resets_at == held(0).ends
            assert await stands(counters) == (0, 60)
            assert isinstance(await counters.reserve("c", [held(40)], 30.0), tuple)
            await counters.settle("a", [held(25)])
            assert await stands(counters) == (25, 40)

    asyncio.run(play())


def test_all_is_held_or_nothing(make: Make) -> None:
    async def play() -> None:
        wide, narrow = budget(1000, name="wide"), budget(10, "requests", name="narrow")
        async with opened(make) as counters:
            refused = await counters.reserve("a", [held(500, wide), held(11, narrow)], 30.0)
            assert isinstance(refused, Refused)
            assert refused.budget == "narrow"
            assert await stands(counters, wide) == (0, 0)
            found = await counters.reserve("b", [held(500, wide), held(10, narrow)], 30.0)
            assert isinstance(found, tuple)
            assert [(each.used, each.held) for each in found] == [(0, 500), (0, 10)]

    asyncio.run(play())


def test_messages_that_come_again_count_once(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            for _ in range(3):
                assert isinstance(await counters.reserve("a", [held(60)], 30.0), tuple)
            assert await stands(counters) == (0, 60)
            for amount in (25, 99):
                await counters.settle("a", [held(amount)])
            assert await stands(counters) == (25, 0)
            assert isinstance(await counters.reserve("a", [held(60)], 30.0), tuple)
            await counters.release("a")
            assert await counters.extend("a", [held(80)], 30.0) is None
            assert await stands(counters) == (25, 0)

    asyncio.run(play())


def test_what_was_not_sent_is_freed_also_before_its_reservation_comes(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            await counters.reserve("a", [held(60)], 30.0)
            await counters.release("a")
            await counters.release("late")
            await counters.reserve("late", [held(60)], 30.0)
            await counters.adopt("late", [held(60)], 30.0)
            assert await stands(counters) == (0, 0)

    asyncio.run(play())


def test_a_stream_holds_more_as_it_grows_up_to_the_limit(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            await counters.reserve("a", [held(20)], 30.0)
            for _ in range(2):
                assert await counters.extend("a", [held(50)], 30.0) is None
            assert await counters.extend("a", [held(30)], 30.0) is None
            assert await stands(counters) == (0, 50)
            refused = await counters.extend("a", [held(101)], 30.0)
            assert isinstance(refused, Refused)
            assert (refused.used, refused.held) == (0, 50)
            assert await counters.extend("a", [held(100)], 30.0) is None
            await counters.settle("a", [held(107)])
            assert await stands(counters) == (107, 0)
            assert isinstance(await counters.reserve("b", [held(1)], 30.0), Refused)

    asyncio.run(play())


def test_a_hold_whose_owner_is_gone_counts_as_used_until_it_is_heard_of(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            slots = budget(1, "concurrent", window=None, name="slots")
            await counters.reserve("a", [held(60), held(1, slots)], SHORT)
            await orphaned(counters, "a")
            assert await stands(counters) == (60, 0)
            assert await stands(counters, slots) == (0, 0)
            assert await counters.expire() == ()
            await counters.settle("a", [held(25)])
            await counters.settle("a", [held(25)])
            assert await stands(counters) == (25, 0)

    asyncio.run(play())


def test_who_beats_keeps_what_is_held_and_gets_it_back(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            slots = budget(1, "concurrent", window=None, name="slots")
            await counters.reserve("a", [held(60), held(1, slots)], SHORT)
            assert await counters.beat(["a", "b"], 30.0) == {"b"}
            await asyncio.sleep(2 * SHORT)
            assert await counters.expire() == ()
            await counters.beat(["a"], SHORT)
            await orphaned(counters, "a")
            assert await counters.beat(["a"], 30.0) == frozenset()
            assert await stands(counters) == (0, 60)
            assert await stands(counters, slots) == (0, 1)
            await counters.beat(["a"], SHORT)
            await orphaned(counters, "a")
            assert await counters.extend("a", [held(70)], 30.0) is None
            assert await stands(counters) == (0, 70)
            await counters.release("a")
            assert await stands(counters) == (0, 0)
            assert await counters.beat(["a"], 30.0) == frozenset()

    asyncio.run(play())


def test_a_window_that_it_is_not_in_is_stale(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            for wrong in (-40 * 86_400, 40 * 86_400):
                told = await counters.reserve("a", [held(1, now=time.time() + wrong)], 30.0)
                assert isinstance(told, Stale)
                assert abs(told.now - time.time()) < 60
            assert isinstance(await counters.reserve("a", [held(1)], 30.0), tuple)

    asyncio.run(play())


def test_a_call_ends_in_the_window_in_which_it_began(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            before = held(60, now=time.time() - 40 * 86_400)
            await counters.adopt("a", [before], 30.0)
            await counters.settle("a", [before])
            assert await stands(counters) == (0, 0)

    asyncio.run(play())


def test_a_rolling_window_counts_its_oldest_bucket_whole(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            rolling = budget(100, window=Window("month", "rolling"))
            now = time.time()
            slice_ = 43_200
            for back, amount in ((0, 1), (1, 2), (59, 4), (60, 8), (61, 16)):
                await counters.settle(f"{back}", [held(amount, rolling, now=now - back * slice_)])
            (tally,) = await counters.standing([held(0, rolling, now=now)])
            oldest = held(0, rolling, now=now).begin - 60 * slice_
            assert tally == Tally(15, 0, oldest)
            refused = await counters.reserve("more", [held(86, rolling)], 30.0)
            assert isinstance(refused, Refused)
            assert refused.resets_at == oldest + 61 * slice_
            assert isinstance(await counters.reserve("fits", [held(85, rolling)], 30.0), tuple)

    asyncio.run(play())


def test_the_largest_amounts_are_exact(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            huge = budget(LARGEST)
            await counters.reserve("a", [held(LARGEST - 1, huge)], 30.0)
            assert isinstance(await counters.reserve("b", [held(2, huge)], 30.0), Refused)
            assert isinstance(await counters.reserve("c", [held(1, huge)], 30.0), tuple)
            await counters.settle("a", [held(LARGEST - 1, huge)])
            assert await stands(counters, huge) == (LARGEST - 1, 1)

    asyncio.run(play())


def test_nobody_reserves_before_an_epoch_is_filled(make: Make) -> None:
    async def play() -> None:
        counters = make()
        assert (await counters.attach()).name is None
        with pytest.raises(CountersLost) as lost:
            await counters.beat([], 30.0)
        assert lost.value.epoch is None
        await counters.renew(None)
        await counters.renew(None)
        epoch = await counters.attach()
        assert epoch.name is not None
        assert not epoch.ready
        with pytest.raises(CountersLost) as lost:
            await counters.reserve("a", [held(1)], 30.0)
        assert (lost.value.epoch, lost.value.ready) == (epoch.name, False)
        await counters.adopt("under way", [held(30)], 30.0)
        await counters.settle("over", [held(20)])
        assert await counters.adopted() == {"under way", "over"}
        assert await counters.restore([held(40)])
        assert not await counters.restore([held(40)])
        assert (await counters.attach()).ready
        assert await stands(counters) == (60, 30)
        assert isinstance(await counters.reserve("a", [held(11)], 30.0), Refused)
        assert isinstance(await counters.reserve("a", [held(10)], 30.0), tuple)
        await counters.settle("later", [held(1)])
        assert await counters.adopted() == frozenset()
        await counters.close()

    asyncio.run(play())


def test_who_still_counts_in_an_epoch_that_is_gone_is_told(make: Make) -> None:
    async def play() -> None:
        async with opened(make, [held(40)]) as counters:
            other = make()
            first = await other.attach()
            assert first.ready
            await counters.renew(first.name)
            await counters.renew(first.name)
            if counters.shared:
                for told in (
                    other.reserve("a", [held(1)], 30.0),
                    other.settle("a", [held(1)]),
                    other.release("a"),
                    other.beat(["a"], 30.0),
                    other.adopt("a", [held(1)], 30.0),
                ):
                    with pytest.raises(CountersLost):
                        await told
            second = await other.attach()
            assert second.name != first.name
            await counters.attach()
            assert await other.restore(())
            assert await stands(counters) == (0, 0)
            assert isinstance(await other.reserve("a", [held(100)], 30.0), tuple)
            assert await stands(counters) == (0, 100)
            await other.close()

    asyncio.run(play())


def test_many_at_once_never_pass_the_limit(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            found = await asyncio.gather(*(counters.reserve(f"{n}", [held(7)], 30.0) for n in range(60)))
            assert sum(isinstance(each, tuple) for each in found) == 14
            assert await stands(counters) == (0, 98)

    asyncio.run(play())


def test_names_may_hold_anything(make: Make) -> None:
    async def play() -> None:
        async with opened(make) as counters:
            for name in ("a:b", "%s'\"--", "\u20ac \U0001f600", "{x}", "*", ""):
                hold = Hold(
                    budget="b",
                    scope=held(1).scope,
                    unit="usd",
                    counter=f"b\x1f{name}",
                    begin=held(1).begin,
                    ends=held(1).ends,
                    amount=70,
                    limit=100,
                    orphaned=70,
                )
                assert isinstance(await counters.reserve(f"id {name}", [hold], SHORT), tuple)
                assert isinstance(await counters.reserve(f"other {name}", [hold], SHORT), Refused)
                await orphaned(counters, f"id {name}")

    asyncio.run(play())
