from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from gearshift.errors import CallerLeft, UpstreamTimeout
from gearshift.execution.watchdog import Phase, Watchdog


def run(scene: Callable[[], Awaitable[None]]) -> float:
    """Run a scene; give how many seconds it took."""

    async def inner() -> float:
        began = time.monotonic()
        await scene()
        return time.monotonic() - began

    return asyncio.run(inner())


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def expire(watch: Watchdog) -> UpstreamTimeout:
    with pytest.raises(UpstreamTimeout) as caught, watch:
        await forever()
    return caught.value


@pytest.mark.parametrize("phase", ["first_token", "answer", "stall", "terminator"])
def test_a_phase_that_takes_too_long_is_named(phase: Phase) -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm(phase, 0.05)
        error = await expire(watch)
        assert error.phase == phase
        assert "0.05 s" in error.message

    assert run(scene) < 0.5


def test_the_total_bounds_a_phase() -> None:
    async def scene() -> None:
        watch = Watchdog(0.05)
        watch.arm("first_token", 60.0)
        error = await expire(watch)
        assert error.phase == "total"
        assert "0.05 s" in error.message

    assert run(scene) < 0.5


def test_a_stream_that_goes_on_and_on_ends_with_the_total() -> None:
    async def scene() -> None:
        watch = Watchdog(0.1)
        watch.arm("stall", 0.05)

        async def chatter() -> None:
            with watch:
                while True:
                    await asyncio.sleep(0.01)
                    watch.touch()

        with pytest.raises(UpstreamTimeout) as caught:
            await chatter()
        assert caught.value.phase == "total"

    assert 0.1 <= run(scene) < 0.5


def test_a_touch_begins_the_phase_anew() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.1)
        with watch:
            for _ in range(8):
                await asyncio.sleep(0.03)
                watch.touch()
        assert (await expire(watch)).phase == "stall"

    assert run(scene) >= 0.24


def test_an_earlier_phase_gives_way_to_a_later_one_and_back() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("first_token", 30.0)
        watch.arm("terminator", 0.05)
        assert (await expire(watch)).phase == "terminator"
        watch.arm("stall", 0.05)
        assert (await expire(watch)).phase == "stall"

    assert run(scene) < 0.5


def test_the_time_that_the_caller_takes_does_not_count() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.05)
        with watch:
            watch.pause()
            await asyncio.sleep(0.2)
            watch.touch()
        assert (await expire(watch)).phase == "stall"

    assert run(scene) >= 0.25


def test_a_paused_timer_sleeps() -> None:
    """It does not wake a thousand times a second while a caller reads slowly."""

    async def scene() -> None:
        watch = Watchdog(60.0)
        loop, woken = asyncio.get_running_loop(), 0
        call_at = loop.call_at

        def counting(*args: object, **kwargs: object) -> asyncio.TimerHandle:
            nonlocal woken
            woken += 1
            return call_at(*args, **kwargs)  # type: ignore[arg-type]

        loop.call_at = counting  # type: ignore[method-assign]
        watch.arm("stall", 0.05)
        with watch:
            watch.pause()
            await asyncio.sleep(0.3)
        watch.stop()
        assert woken < 12

    run(scene)


def test_the_total_counts_even_for_a_slow_caller_and_is_then_its_own_fault() -> None:
    async def scene() -> None:
        watch = Watchdog(0.1)
        watch.arm("stall", 0.05)
        watch.pause()
        with pytest.raises(CallerLeft, match="took its answer too slowly"), watch:
            await asyncio.sleep(5)
        assert watch.remaining <= 0

    assert 0.1 <= run(scene) < 0.5


def test_a_caller_who_leaves_is_no_timeout() -> None:
    async def scene() -> None:
        async def work() -> None:
            watch = Watchdog(60.0)
            watch.arm("stall", 60.0)
            with watch:
                await forever()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scene)


def test_a_caller_who_leaves_as_the_timer_fires_is_no_timeout_either() -> None:
    async def scene() -> None:
        async def work() -> None:
            watch = Watchdog(60.0)
            watch.arm("stall", 0.01)
            with watch:
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_later(0.01, task.cancel)
                time.sleep(0.03)  # noqa: ASYNC251 - both are due in the same turn of the loop
                await forever()

        task = asyncio.create_task(work())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1

    run(scene)


def test_a_timeout_leaves_the_task_uncancelled() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.01)
        await expire(watch)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    run(scene)


def test_work_that_turns_its_cancellation_into_another_error_leaves_the_task_uncancelled() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.01)

        async def work() -> None:
            with watch:
                try:
                    await forever()
                except asyncio.CancelledError:
                    raise OSError("gone") from None

        with pytest.raises(OSError, match="gone"):
            await work()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(scene)


def test_outside_its_guard_it_cancels_nobody() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.01)
        await asyncio.sleep(0.05)
        watch.arm("stall", 0.01)
        assert (await expire(watch)).phase == "stall"

    run(scene)


def test_stopped_it_cancels_nobody() -> None:
    async def scene() -> None:
        watch = Watchdog(60.0)
        watch.arm("stall", 0.01)
        watch.stop()
        watch.stop()
        with watch:
            await asyncio.sleep(0.05)

    run(scene)


def test_it_needs_a_running_task() -> None:
    async def scene() -> None:
        done = asyncio.get_running_loop().create_future()

        def outside() -> None:
            try:
                with Watchdog(1.0):
                    done.set_result("none was needed")
            except RuntimeError as error:
                done.set_result(str(error))

        asyncio.get_running_loop().call_soon(outside)
        assert "running task" in await done

    run(scene)
