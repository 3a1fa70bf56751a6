from __future__ import annotations

import asyncio
import threading

import pytest

from gearshift.execution.aside import BIG, aside


@pytest.mark.parametrize(("size", "here"), [(BIG - 1, True), (BIG, False)])
def test_big_work_is_done_in_another_thread_and_small_work_at_once(size: int, here: bool) -> None:
    assert (asyncio.run(aside(size, threading.get_ident)) == threading.get_ident()) is here


def test_the_loop_goes_on_meanwhile_and_one_body_is_worked_on_at_a_time() -> None:
    running, most = 0, 0
    go = threading.Event()

    def work() -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        assert go.wait(5)
        running -= 1
        return "done"

    async def scene() -> None:
        both = asyncio.gather(aside(BIG, work), aside(BIG, work))
        await asyncio.sleep(0.01)
        go.set()
        assert [*await both] == ["done", "done"]

    asyncio.run(scene())
    assert most == 1


def test_what_goes_wrong_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(aside(BIG, fail))
