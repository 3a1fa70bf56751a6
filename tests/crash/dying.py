"""Run `gearshift` as it is, but for one thing: it kills itself at a named point of its code.

    python -m tests.crash.dying POINT COUNT serve --config gearshift.yaml

`kill -9` at the COUNTth time that it comes there: no handler runs, nothing is flushed.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from gearshift.cli.app import main
from gearshift.storage.journal import Journal
from gearshift.storage.log import Log
from gearshift.storage.tail import Tail
from gearshift.storage.wal import Wal

BEFORE, AFTER = "before", "after"
POINTS: Final[dict[str, tuple[type, str, str]]] = {
    "a call is about to be written down": (Journal, "started", BEFORE),
    "a call was written down": (Journal, "started", AFTER),
    "a call has ended": (Journal, "finished", BEFORE),
    "the end of a call was written down": (Journal, "finished", AFTER),
    "an exchange was taken": (Journal, "append", AFTER),
    "the log is to be synced": (Wal, "sync", BEFORE),
    "the next segment was begun": (Wal, "_turn", AFTER),
    "a batch is to be stored": (Log, "write", BEFORE),
    "a batch was stored": (Log, "write", AFTER),
    "segments were let go of": (Tail, "advance", AFTER),
    "what a dead process left is to be stored": (Tail, "last_words", AFTER),
    "the folder of a dead process is to go": (Tail, "bury", BEFORE),
}


def arm(point: str, count: int) -> None:
    """Have the process die at the `count`th time that it comes to `point`."""
    owner, name, when = POINTS[point]
    method: Callable[..., Any] = getattr(owner, name)
    times = itertools.count(1)

    def dying(*arguments: object, **options: object) -> object:
        last = next(times) == count
        if last and when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        found: object = method(*arguments, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(owner, name, dying)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    del sys.argv[1:3]
    main()
