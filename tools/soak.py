"""Drive a gateway for half an hour with faults and callers who leave, and see whether it grows: `make soak`.

A wall (tests/wall) is the upstream: five answers in a hundred are faults, drawn from `FAULTS`; ten callers in a hundred
leave in the middle. The gateway is a process of its own with shipped limits, but for timers that are shortened so that
a fault takes no minute. Looked at every `EVERY` seconds: resident memory, file descriptors, threads, exchanges in
flight. At the end the ledger is held against the wall's own bill.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec
from msgspec import Struct

from tests.wall.caller import Ask, ask, fetch
from tests.wall.pace import FAST
from tests.wall.plays import answers, cuts, errs, lacks, refuses, says, sends, stalls
from tests.wall.server import Wall
from tests.wall.site import ENVIRON, Layout, mapping
from tests.wall.steps import Asked, Play, Step

SECONDS: Final = 1800
CALLERS: Final = 16
FAULTY: Final = 0.05
LEAVING: Final = 0.10
EVERY: Final = 5.0
WARM: Final = 0.2
"""Share of the time that is left out of the slope."""
PROTOCOLS: Final = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
FAULTS: Final[tuple[Play, ...]] = (
    refuses(500),
    refuses(503, "overloaded"),
    refuses(429, "rate_limit_exceeded"),
    cuts(5),
    cuts(20, "rst"),
    errs(1, 529, "overloaded_error"),
    lacks(terminator=True, ending="silent"),
    sends(b"<html>busy</html>", "text/html"),
    says(b"", "rst"),
    stalls(10, 3.0),
)


class Look(Struct, frozen=True):
    """Hold one look at the gateway: seconds since the start, MiB, file descriptors, threads, exchanges in flight."""

    at: float
    memory: float
    descriptors: int
    threads: int
    in_flight: int


def mixed(dice: random.Random) -> Play:
    """Answer, or fail, as the dice say."""
    healthy = answers()

    def play(asked: Asked) -> Sequence[Step]:
        return (dice.choice(FAULTS) if dice.random() < FAULTY else healthy)(asked)

    return play


async def look(pid: int, url: str, began: float) -> Look:
    """Look at the gateway from outside."""
    memory, descriptors, threads = _process(pid)
    metrics = (await fetch(url, "/metrics")).decode()
    running = re.search(r"^gearshift_in_flight (\S+)$", metrics, re.MULTILINE)
    return Look(
        at=monotonic() - began,
        memory=memory,
        descriptors=descriptors,
        threads=threads,
        in_flight=int(float(running[1])) if running else -1,
    )


def _process(pid: int) -> tuple[float, int, int]:
    """Give a process' resident MiB, descriptors and threads."""
    at = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (at / "status").read_text(encoding="utf-8").splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, sum(1 for _ in (at / "fd").iterdir()), int(status["Threads"])


async def calling(url: str, dice: random.Random, until: float, seen: Counter[str]) -> None:
    """Ask one thing after the other."""
    there = asyncio.Event()
    there.set()
    while monotonic() < until:
        leaves = dice.random() * 0.05 if dice.random() < LEAVING else None
        what = Ask(protocol=dice.choice(PROTOCOLS), stream=dice.random() < 0.7, leaves=leaves)  # noqa: PLR2004
        answer = await ask(url, what, there)
        seen["left" if answer.left else answer.verdict] += 1


@asynccontextmanager
async def gateway(wall: Wall, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """Run a gateway before the wall; give its process and its URL."""
    config = mapping(wall, FAST, Layout(), folder)
    config["server"] = {"port": 0}
    path = folder / "gearshift.yaml"
    path.write_bytes(msgspec.json.encode(config))  # JSON is YAML
    command = [sys.executable, "-m", "gearshift", "serve", "--config", str(path)]
    errors = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **ENVIRON}, stderr=errors)
    try:
        for _ in range(300):
            if ready := re.search(r"ready on (http://\S+)/v1", (folder / "log").read_text(encoding="utf-8")):
                break
            await asyncio.sleep(0.1)
        else:
            raise TimeoutError((folder / "log").read_text(encoding="utf-8")[-2000:])
        yield process.pid, ready[1]
    finally:
        process.terminate()
        await process.wait()
        errors.close()


def slope(looks: Sequence[Look]) -> float:
    """Give the growth of memory in MB an hour, by least squares, once it is warm."""
    warm = [each for each in looks if each.at >= WARM * looks[-1].at]
    times, sizes = [each.at / 3600 for each in warm], [each.memory * 1.048576 for each in warm]
    mean, level = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((time - mean) ** 2 for time in times)
    return sum((time - mean) * (size - level) for time, size in zip(times, sizes, strict=True)) / spread


async def soak(seconds: float, seed: int, folder: Path) -> int:
    """Soak; print what was seen, and give the exit code."""
    dice, seen, looks = random.Random(seed), Counter[str](), list[Look]()  # noqa: S311 - load, no secret
    script = (mixed(dice),)
    async with Wall({"primary": script, "fallback": script}) as wall, gateway(wall, folder) as (pid, url):
        began = monotonic()
        callers = [asyncio.create_task(calling(url, dice, began + seconds, seen)) for _ in range(CALLERS)]
        while not all(caller.done() for caller in callers):
            await asyncio.wait(callers, timeout=EVERY)
            looks.append(await look(pid, url, began))
        await asyncio.gather(*callers)
        await asyncio.sleep(2)
        last = await look(pid, url, began)
        owed = wall.bill
    with sqlite3.connect(folder / "gearshift.db") as log:
        rows, charged = log.execute("SELECT count(*), sum(cost) FROM exchanges").fetchone()
    return report(looks, last, seen, (rows, charged, owed))


def report(looks: Sequence[Look], last: Look, seen: Counter[str], money: tuple[int, int, int]) -> int:
    """Print the figures; 1 where a goal was missed."""
    rows, charged, owed = money
    first = next(each for each in looks if each.at >= WARM * looks[-1].at)
    growth, off = slope(looks), charged / owed - 1
    print(f"{sum(seen.values())} requests in {looks[-1].at:.0f} s: {dict(seen)}; {rows} exchanges in the log")
    print(f"memory {first.memory:.1f} MiB warm, {looks[-1].memory:.1f} at the end: {growth:+.2f} MB an hour")
    print(f"descriptors {first.descriptors} -> {last.descriptors}, threads {first.threads} -> {last.threads}")
    print(f"in flight at the end: {last.in_flight}; ledger {charged} nano-USD, wall {owed}: {off:+.2%}")
    faults = [
        "answers that lie" if seen["lie"] or seen["hung_up"] else "",
        "exchanges that are in flight still" if last.in_flight else "",
        "descriptors that are open still" if last.descriptors > first.descriptors + CALLERS else "",
        "exchanges that are not in the log" if rows < sum(seen.values()) - seen["left"] else "",
    ]
    print("; ".join(f"found {each}" for each in faults if each) or "nothing was lost")
    return 1 if any(faults) else 0


def main() -> int:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(soak(asked.seconds, asked.seed, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
