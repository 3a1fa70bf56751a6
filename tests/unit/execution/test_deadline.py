from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gearshift.execution.deadline import Deadline


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def cancelled(work: Callable[[], Awaitable[None]]) -> int:
    """Do `work`; say how often its task is still marked as cancelled."""

    async def scene() -> int:
        await work()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    return asyncio.run(scene())


def test_what_ends_in_time_is_left_alone() -> None:
    async def work() -> None:
        with Deadline(0.01):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)

    assert cancelled(work) == 0


def test_what_takes_too_long_is_cancelled_and_the_task_goes_on() -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError), Deadline(0.01):
            await forever()
        await asyncio.sleep(0)

    assert cancelled(work) == 0


def test_an_error_passes_as_it_is() -> None:
    async def work() -> None:
        with pytest.raises(ZeroDivisionError), Deadline(10):
            raise ZeroDivisionError

    assert cancelled(work) == 0


def test_a_cancellation_from_outside_stays_one() -> None:
    async def work() -> None:
        with Deadline(10):
            await forever()

    async def scene() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_a_cancellation_that_comes_with_the_deadline_is_not_swallowed() -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        with Deadline(0):
            asyncio.get_running_loop().call_later(0, task.cancel)
            await forever()

    async def scene() -> None:
        task = asyncio.create_task(work())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(scene())


def test_it_can_be_put_off() -> None:
    async def hurried() -> None:
        with Deadline(10) as deadline:
            deadline.put_off(0.01)
            await forever()

    async def work() -> None:
        with Deadline(0.02) as deadline:
            deadline.put_off(10)
            await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await hurried()

    assert cancelled(work) == 0


def test_one_within_another_is_told_apart() -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError), Deadline(0.01), Deadline(10):
            await forever()
        with Deadline(10), pytest.raises(TimeoutError), Deadline(0.01):
            await forever()

    assert cancelled(work) == 0


def test_there_must_be_a_task() -> None:
    async def scene() -> None:
        caught: list[str] = []

        def outside() -> None:
            try:
                with Deadline(1):
                    pass
            except RuntimeError as error:
                caught.append(str(error))

        asyncio.get_running_loop().call_soon(outside)
        await asyncio.sleep(0)
        assert caught == ["a deadline needs a running task"]

    asyncio.run(scene())
