"""Own the thread beside the event loop, for work on bodies so big that everybody else would have to wait for it.

Python runs one thread at a time, but hands over every few milliseconds: the work takes no less time, and the loop goes
on meanwhile. What one call into C does is not handed over: parsing a string of 10 MB holds everybody up for some 10 ms.

Invariants: one body at a time, in the order in which they came, so that many big ones are as much work at once as one;
the work is pure, or touches only what belongs to its own request: nobody waits for it once the caller has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

BIG: Final = 256 * 1024
"""Bytes of a body whose work is done aside; less takes a few milliseconds (measured: 3 to 20 for each MB)."""
Result = TypeVar("Result")

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")


async def aside(size: int, work: Callable[[], Result]) -> Result:
    """Do `work` on a body of `size` bytes: at once, or in the thread where it is big."""
    if size < BIG:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
