"""Own a race: many callers in several processes spend small budgets at once, and a table beside them keeps count.

The table is shared memory that the counters know nothing of: what was spent is added to it before it is settled, a slot
is counted only between its admission and its release. So whatever it shows beyond a limit was let through.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import statistics
import time
from collections.abc import Iterable
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Final, Literal

from msgspec import Struct

from gearshift.budgeting import hold, raised
from gearshift.purse import Purse
from gearshift.purse.purse import QUANTA
from gearshift.storage.counters import Counters
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.storage.counters_postgres import PostgresCounters
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Amounts, Bound, Budget, Facts, Scope, Unit, Window
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow
from tests.fakes.counters import PATIENCE

MOST: Final = 12_000_000
"""What a call may cost at most (nano-USD); it costs from none of it to all."""
LIKELY: Final = 3_000_000
PIECE: Final = 1_000_000
PLENTY: Final = 0.9
"""A refusal below so much of an elastic budget is counted apart."""
_SPENT, _STREAMED, _REQUESTS, _SLOTS, _PEAK, _REFUSED, _FALSE, _ASKED = range(8)


class Course(Struct, frozen=True, kw_only=True):
    """Hold where is raced (`memory`, or the URL of a server and the tag of its counters) and by how many."""

    url: str
    tag: str = "{race}"
    processes: int = 3
    callers: int = 200
    rounds: int = 2
    slots: int = 150
    on_loss: Literal["closed", "open"] = "closed"
    """`closed` budgets have leases, a fiftieth for each process, which nobody spends here."""
    seed: int = 1

    @property
    def calls(self) -> int:
        """Give how many requests are made."""
        return self.processes * self.callers * self.rounds

    @property
    def roomy(self) -> bool:
        """Say whether all that streams under way can hold is less than what is left at nine tenths of their budget.

        Then a refusal below that is a fault. Where it is not so there are such refusals, and they are right: what is
        held may come to be spent.
        """
        held = self.slots * (MOST + QUANTA["usd"])
        return self.on_loss == "open" and held < (1 - PLENTY) * self.budgets[1].limit

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """Give budgets that are spent long before the race is over, but for the streams' first nine tenths."""
        month = Window("month")
        half = self.calls // 2
        limits: tuple[tuple[str, Scope, Unit, int, Window | None, Literal["strict", "elastic"]], ...] = (
            ("strict", Scope("key", "s"), "usd", half * MOST // 4, month, "strict"),
            ("elastic", Scope("key", "e"), "usd", half * MOST // 3, month, "elastic"),
            ("requests", Scope("all"), "requests", self.calls * 9 // 10, month, "strict"),
            ("slots", Scope("all"), "concurrent", self.slots, None, "strict"),
        )
        return tuple(
            Budget(id=name, scope=scope, unit=unit, limit=limit, window=window, mode=mode, on_loss=self.on_loss)
            for name, scope, unit, limit, window, mode in limits
        )


class Result(Struct, frozen=True, kw_only=True):
    """Hold what the table shows: amounts beyond the limits, and refusals."""

    calls: int
    roomy: bool
    seconds: float
    refused: int
    strict_over: int
    elastic_over: int
    requests_over: int
    slots_over: int
    peak: int
    false_refusals: int
    asked_below: int
    used: tuple[float, float, float]
    """Which part was used of the strict budget, of the elastic one, and of the requests."""

    @property
    def faults(self) -> list[str]:
        """Say what was promised and not kept."""
        quanta = QUANTA["usd"] * self.peak
        checks = (
            (self.strict_over > 0, f"a strict budget was passed by {self.strict_over} nano-USD"),
            (self.elastic_over > quanta, f"an elastic budget was passed by {self.elastic_over} nano-USD"),
            (self.requests_over > 0, f"{self.requests_over} requests too many"),
            (self.slots_over > 0, f"{self.slots_over} slots too many"),
            (self.roomy and self.false_refusals > 0, f"{self.false_refusals} of {self.asked_below} refused falsely"),
        )
        return [told for broken, told in checks if broken]


def run(course: Course) -> Result:
    """Race, and give the result."""
    spawn = multiprocessing.get_context("spawn")
    table = spawn.Array("q", 8)
    began = time.monotonic()
    if course.url == "memory":
        _process(course, table, 0)
    else:
        racers = [spawn.Process(target=_process, args=(course, table, n)) for n in range(course.processes)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        if any(racer.exitcode for racer in racers):
            raise RuntimeError("a racer fell")
    strict, elastic, requests, slots = course.budgets
    return Result(
        calls=course.calls,
        roomy=course.roomy,
        seconds=time.monotonic() - began,
        refused=table[_REFUSED],
        strict_over=max(0, table[_SPENT] - strict.limit),
        elastic_over=max(0, table[_STREAMED] - elastic.limit),
        requests_over=max(0, table[_REQUESTS] - requests.limit),
        slots_over=max(0, table[_PEAK] - slots.limit),
        peak=table[_PEAK],
        false_refusals=table[_FALSE],
        asked_below=table[_ASKED],
        used=(table[_SPENT] / strict.limit, table[_STREAMED] / elastic.limit, table[_REQUESTS] / requests.limit),
    )


def _process(course: Course, table: SynchronizedArray[int], number: int) -> None:
    asyncio.run(Racer(course, table, number).run())


def counters_at(course: Course) -> Counters:
    """Give a client of the counters of a course."""
    if course.url == "memory":
        return MemoryCounters(time.time)
    if course.url.startswith("postgresql"):
        return PostgresCounters(course.url, timeout=PATIENCE)
    return ValkeyCounters(course.url, tag=course.tag, timeout=PATIENCE)


class Racer:
    """Be one process of callers."""

    def __init__(self, course: Course, table: SynchronizedArray[int], number: int) -> None:
        """Take the course, the table, and which process this is."""
        self._course = course
        self._table = table
        self._number = number
        self._dice = random.Random(course.seed * 1000 + number)
        self._elastic = course.budgets[1].limit

    async def run(self) -> None:
        """Let all callers call."""
        counters = counters_at(self._course)
        purse = Purse(self._course.budgets, counters, clock=time.time, ledger=_nothing)
        await purse.start()
        processes = self._course.processes if self._course.url == "memory" else 1
        callers = range(self._course.callers * processes)
        await asyncio.gather(*(self._caller(purse, f"{self._number}-{n}") for n in callers))
        await purse.stop()
        await counters.close()

    async def _caller(self, purse: Purse, name: str) -> None:
        for number in range(self._course.rounds):
            await self._request(purse, f"{name}-{number}", self._dice.choice("se"))

    async def _request(self, purse: Purse, name: str, key: str) -> None:
        facts = Facts(key=key)
        while (refused := await purse.open(name, facts)) is not None:
            if refused.budget != "slots":
                self._add(_REFUSED, 1)
                return
            await asyncio.sleep(self._dice.random() * 0.1)
        self._add(_REQUESTS, 1)
        self._enter()
        await (self._stream if key == "e" else self._call)(purse, name, facts)
        self._add(_SLOTS, -1)
        await purse.close(name)

    async def _call(self, purse: Purse, name: str, facts: Facts) -> None:
        if await purse.reserve(f"{name}/1", facts, Bound(most=Amounts(usd=MOST))) is not None:
            self._add(_REFUSED, 1)
            return
        await asyncio.sleep(self._dice.random() * 0.01)
        cost = self._dice.randrange(MOST + 1)
        self._add(_SPENT, cost)
        await purse.settle(f"{name}/1", Amounts(usd=cost))

    async def _stream(self, purse: Purse, name: str, facts: Facts) -> None:
        bound = Bound(most=Amounts(usd=MOST), likely=Amounts(usd=LIKELY))
        below = self._table[_STREAMED] < PLENTY * self._elastic
        self._add(_ASKED, below)
        if await purse.reserve(f"{name}/1", facts, bound) is not None:
            self._add(_REFUSED, 1)
            self._add(_FALSE, below and self._table[_STREAMED] < PLENTY * self._elastic)
            return
        cost = 0
        for _ in range(self._dice.randrange(MOST // PIECE)):
            cost += PIECE
            await asyncio.sleep(0)
            if await purse.grow(f"{name}/1", Amounts(usd=cost)) is not None:
                break
        self._add(_STREAMED, cost)
        await purse.settle(f"{name}/1", Amounts(usd=cost))

    def _add(self, place: int, more: int) -> None:
        with self._table.get_lock():
            self._table[place] += more

    def _enter(self) -> None:
        with self._table.get_lock():
            self._table[_SLOTS] += 1
            self._table[_PEAK] = max(self._table[_PEAK], self._table[_SLOTS])


async def measure(counters: Counters, count: int) -> Seconds:
    """Give what it takes, at the median, to hold three budgets and to settle them, where nobody else calls."""
    budgets = [
        Budget(id=f"b{n}", scope=Scope("all"), unit="usd", limit=2**50, window=Window("month")) for n in range(3)
    ]
    await counters.attach()
    await counters.renew(None)
    await counters.attach()
    await counters.restore(())
    found = []
    for number in range(count):
        holds = [hold(budget, budget.scope, MOST, time.time()) for budget in budgets]
        actual = [raised(each, LIKELY) for each in holds]
        began = time.perf_counter()
        await counters.reserve(f"{number}", holds, 30.0)
        await counters.settle(f"{number}", actual)
        found.append(time.perf_counter() - began)
    await counters.close()
    return statistics.median(found)


async def _nothing(_since: Seconds) -> Iterable[LedgerRow]:
    return ()
