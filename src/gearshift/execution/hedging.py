"""Own a race: the same question to two upstreams, of which the first to have content answers.

    first ── content ──────────────────────────────> it answers
       └─ nothing for `after` seconds ──> second too ── whoever has content first answers, the other is dropped
                                                    └─ both fail ──> the first one's error

Invariant: both calls are over or let go of when the race is, whatever ends it; each leaves its own record.
Source: Dean and Barroso, "The Tail at Scale" (2013), "hedged requests".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gearshift.errors import GearshiftError
from gearshift.execution.call import Call
from gearshift.execution.commands import Failed, Hedged, Ready
from gearshift.types.catalog import Seconds


async def race(
    first: Call, second: Callable[[], Call | None], after: Seconds, cancelled: Callable[[], GearshiftError]
) -> tuple[Call, Ready | Failed]:
    """Run `first`, and what `second` gives if nothing has come `after` seconds later; give who has the last word.

    Where the race itself is cancelled, `cancelled` says why.
    """
    running = asyncio.create_task(first.send())
    tasks = {running: first}
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        rival = None if done else second()
        if rival is None:
            return first, await running
        other = asyncio.create_task(rival.send())
        tasks[other] = rival
        await _first_content(tasks)
        return _outcome(first, rival, *(None if each.cancelled() else each.result() for each in (running, other)))
    except BaseException:
        await _stop(tasks)
        for call in tasks.values():
            if call.outrun:
                call.drop()
            else:
                call.let_go(cancelled())
        raise


async def _first_content(tasks: dict[asyncio.Task[Ready | Failed], Call]) -> None:
    """Wait until one of them has content, or all have failed; drop those that were outrun."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        ready = [task for task in done if isinstance(task.result(), Ready)]
        if ready:
            for task, call in tasks.items():
                if task is not ready[0] and not (task.done() and isinstance(task.result(), Failed)):
                    await _outrun(task, call)
            return


async def _outrun(task: asyncio.Task[Ready | Failed], call: Call) -> None:
    call.outrun = True
    task.cancel()
    await asyncio.wait([task])
    call.drop()


async def _stop(tasks: dict[asyncio.Task[Ready | Failed], Call]) -> None:
    """End what still runs: the race itself was cancelled."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)


def _outcome(
    first: Call, rival: Call, said: Ready | Failed | None, answered: Ready | Failed | None
) -> tuple[Call, Ready | Failed]:
    """Say who answers, and how the other ended; None: it was outrun."""
    lost = said.error if isinstance(said, Failed) else None
    failed = answered.error if isinstance(answered, Failed) else None
    if isinstance(said, Ready) and not first.outrun:
        return first, Ready(at=said.at, hedged=Hedged(error=failed))
    if isinstance(answered, Ready) and not rival.outrun:
        return rival, Ready(at=answered.at, hedged=Hedged(won=True), error=lost)
    if isinstance(said, Failed) and isinstance(answered, Failed):
        return first, Failed(at=max(said.at, answered.at), error=said.error, hedged=Hedged(error=failed))
    message = f"a race ended with {said!r} and {answered!r}"
    raise RuntimeError(message)
