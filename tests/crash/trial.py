"""Own a trial of the ledger: a gateway under load is killed again and again, and every call is accounted for.

    upstream  keeps its own bill: every call has a count of tokens that no other has
    callers   ask, streamed and not, and remember whose answer came whole
    deaths    `kill -9` at random moments, or at named points of the code; then the gateway is started again

What must hold: no call of the upstream is missing in the ledger, none is there twice, every answer that a caller got
whole is finished with its tokens, and what was under way is `unknown`, with a bound.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp
from msgspec import Struct

from gearshift.storage.opening import open_database
from tests.crash.biller import Biller

CALLERS: Final = 12
READY: Final = re.compile(rb"ready on (http://\S+)/v1")
ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
POINT_SECONDS: Final = 5.0
"""How long a gateway has to come to the point where it dies; it is killed all the same."""


class Death(Struct, frozen=True):
    """Hold how a gateway dies: after so many seconds, or at the `count`th time at a named point of its code."""

    after: float = 0.0
    point: str = ""
    count: int = 1


class Account(Struct, frozen=True, kw_only=True):
    """Hold what a trial came to; `lost`, `doubled`, `wrong` and `orphaned` must be empty."""

    deaths: int
    received: int
    completed: int
    finished: int
    unknown: int
    lost: int
    """Calls that the upstream received and that the ledger has neither as finished nor as unknown."""
    doubled: list[int]
    wrong: list[int]
    """Answers that a caller got whole, and that are not finished in the ledger."""
    orphaned: int
    """Attempts without an exchange."""
    unbounded: int
    """Unknown attempts without a bound."""
    left: list[str]
    """What is left of the write-ahead log after a clean end."""

    @property
    def faults(self) -> list[str]:
        """Name what does not hold."""
        found = {
            "lost": self.lost,
            "doubled": len(self.doubled),
            "wrong": len(self.wrong),
            "orphaned": self.orphaned,
            "unbounded": self.unbounded,
            "left": len(self.left),
        }
        return [f"{name}: {count}" for name, count in found.items() if count]


def config(folder: Path, base_url: str, store: str) -> Path:
    """Write the config of a trial."""
    price = {"input": 1, "output": 2}
    made = {
        "server": {"port": 0},
        "store": store,
        "ledger": {"path": str(folder / "ledger")},
        "catalog": str(folder / "prices.json"),
        "providers": {"biller": {"protocol": "openai_chat", "base_url": base_url}},
        "models": {
            "small": {
                "context_window": 100_000,
                "max_output_tokens": 10_000_000,
                "deployments": [{"provider": "biller", "price": price}],
            }
        },
    }
    path = folder / "gearshift.yaml"
    path.write_text(json.dumps(made), encoding="utf-8")
    return path


class Trial:
    """Hold a trial under way."""

    def __init__(self, folder: Path, store: str, seed: int) -> None:
        self.completed: set[int] = set()
        self.deaths = 0
        self.failed = 0
        """Calls to a gateway that was not to die, that were not answered whole."""
        self._last = 0.0
        self._folder = folder
        self._store = store
        self._dice = random.Random(seed)
        self._biller = Biller(seed)

    async def run(
        self, deaths: Sequence[Death], nemesis: Callable[[], Awaitable[None]] | None = None, *, last: float = 0.5
    ) -> Account:
        """Kill as told, end well, and settle the account; `nemesis` disturbs the store meanwhile.

        The last gateway, which ends well, runs for `last` seconds.
        """
        self._last = last
        async with self._biller:
            path = config(self._folder, self._biller.base_url, self._store)
            disturbing = None
            for death in deaths:
                if nemesis is not None and (disturbing is None or disturbing.done()):
                    disturbing = asyncio.ensure_future(nemesis())
                await self._live(path, death)
            if disturbing is not None:
                await disturbing
            elif nemesis is not None:
                disturbing = asyncio.ensure_future(nemesis())
            await self._live(path, None)
            if disturbing is not None:
                await disturbing
        return self._account()

    async def _live(self, path: Path, death: Death | None) -> None:
        """Run a gateway under load until its death, or without one to a clean end."""
        dying = ["tests.crash.dying", death.point, str(death.count)] if death and death.point else ["gearshift"]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *dying,
            "serve",
            "--config",
            str(path),
            cwd=self._folder,
            env=environ,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        said: list[bytes] = []
        url = await asyncio.wait_for(_ready(process, said), START_SECONDS)
        if url is not None:
            await self._load(url, process, death)
        if process.returncode is None:
            _signal(process, signal.SIGTERM if death is None else signal.SIGKILL)
        await asyncio.wait_for(process.communicate(), STOP_SECONDS)
        self.deaths += death is not None
        if death is None and process.returncode not in {0, -signal.SIGTERM}:
            told = b"".join(said).decode()
            raise RuntimeError(f"found exit code {process.returncode} of a gateway that was to end well:\n{told}")

    async def _load(self, url: str, process: asyncio.subprocess.Process, death: Death | None) -> None:
        """Call until the gateway dies, or its time is over."""
        over = asyncio.Event()
        drained = asyncio.create_task(_drain(process))
        async with aiohttp.ClientSession() as session:
            callers = [asyncio.create_task(self._call(session, url, over, death)) for _ in range(CALLERS)]
            patience = self._last if death is None else death.after or POINT_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(drained), patience)  # its stderr ends with it
            over.set()
            if death is not None and process.returncode is None:
                _signal(process, signal.SIGKILL)
            await asyncio.gather(*callers)
        if death is not None:
            await drained
        else:
            drained.cancel()

    async def _call(self, session: aiohttp.ClientSession, url: str, over: asyncio.Event, death: Death | None) -> None:
        while not over.is_set():
            stream = self._dice.random() < 0.5
            body = {"model": "small", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
            try:
                async with session.post(f"{url}/v1/chat/completions", json=body) as reply:
                    number = _number(await reply.text(), stream=stream)
            except (aiohttp.ClientError, ConnectionError):
                self.failed += death is None
                await asyncio.sleep(0.02)
                continue
            if number is not None:
                self.completed.add(number)
            else:
                self.failed += death is None

    def _account(self) -> Account:
        database = open_database(self._store)
        with database.reading() as session:
            finished = session.run("SELECT output_tokens FROM ledger WHERE state = 'finished' AND estimated = 0")
            unknown = session.run("SELECT id, bound FROM ledger WHERE state = 'unknown'")
            guessed = session.run("SELECT count(*) FROM ledger WHERE state = 'finished' AND estimated = 1")
            orphaned = session.run(
                "SELECT count(*) FROM ledger WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE id = ledger.exchange_id)"
            )
        database.close()
        counted = Counter(int(number or 0) for (number,) in finished)
        told = len(self._biller.received - set(counted))
        return Account(
            deaths=self.deaths,
            received=len(self._biller.received),
            completed=len(self.completed),
            finished=len(finished),
            unknown=len(unknown),
            lost=max(0, told - len(unknown) - int(guessed[0][0] or 0)),
            doubled=[number for number, count in counted.items() if count > 1],
            wrong=sorted(self.completed - set(counted)),
            orphaned=int(orphaned[0][0] or 0),
            unbounded=sum(bound is None for _id, bound in unknown),
            left=[each.name for each in (self._folder / "ledger").rglob("*")],
        )


async def _ready(process: asyncio.subprocess.Process, said: list[bytes]) -> str | None:
    """Wait until the gateway says where it is; None when it died before."""
    assert process.stderr is not None
    async for line in process.stderr:
        said.append(line)
        if found := READY.search(line):
            return found[1].decode()
    return None


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal; `process.send_signal` would look whether it has ended, and take that away from the loop."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async for _line in process.stderr:
        pass


def _number(text: str, *, stream: bool) -> int | None:
    """Give the number of a call by its usage, None where the answer did not come whole."""
    if stream and "data: [DONE]" not in text:
        return None
    found = re.search(r'"completion_tokens":\s*(\d+)', text)
    return int(found[1]) if found else None
