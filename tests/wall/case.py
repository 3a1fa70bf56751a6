"""Own a fault as a row: what the wall does, what is asked, and what the caller, the wall and the ledger must show.

What holds in every row, and needs no word there: no answer is a lie, what text came is the beginning of the whole one,
nothing follows an error, no error is a 500 of ours, no secret is in any answer, every upstream that was left hanging is
let go of within a second, and the ledger has each of the wall's attempts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from tests.wall.caller import Answer, Ask, ask
from tests.wall.pace import Pace
from tests.wall.plays import answers
from tests.wall.server import Attempt, Wall
from tests.wall.site import SECRET, Layout, Site, mapping, serving
from tests.wall.steps import Script
from tests.wall.tongues import Verdict
from tests.wall.words import TEXT

Bill: TypeAlias = Literal["exact", "estimated", "bounded", "flagged"]
"""`exact`: the ledger's cost is the wall's bill; `estimated`: flagged, and within 5 %; `bounded`: exact, or flagged and
not more than 5 % below, for what a provider charges for an attempt that broke is known to nobody; `flagged`: no more
than that, where more was said than could be read."""
CLOSE_SECONDS: Final = 1.0
TOLERANCE: Final = 0.05
NANO: Final = 1_000_000_000
OK: Final[Script] = (answers(),)
WHOLE: Final[frozenset[Verdict]] = frozenset({"whole"})
SAFE: Final[frozenset[Verdict]] = frozenset({"whole", "refused", "in_band"})


class Expect(Struct, frozen=True, kw_only=True):
    """Hold what must be seen of each request of a case, and of all of them at the wall.

    `served`: the model that the caller is told. `attempts`: how many each model may have seen, least and most.
    `gap`: seconds between the first two attempts on `primary`, least and most. `within`: seconds until the answer.
    `codes` and `statuses` are of an error; `says` is a part of its message. `headers` must be there, by a prefix.
    `bill` None: nothing is owed to the wall and nothing may be charged.
    """

    verdicts: frozenset[Verdict] = WHOLE
    served: str | None = None
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    says: str = ""
    headers: Mapping[str, str] = {}
    attempts: Mapping[str, tuple[int, int]] = {}
    gap: tuple[float, float] | None = None
    within: float | None = None
    bill: Bill | None = "exact"
    quiet: bool = False
    """The caller left before anything can be said of its answer."""


class Case(Struct, frozen=True, kw_only=True):
    """Hold one row. `fault` is that of the table, such as F12; `behaviour` says what the router does, in a line."""

    name: str
    fault: str
    behaviour: str
    scripts: Mapping[str, Script] = {}
    asks: tuple[Ask, ...] = (Ask(),)
    expect: Expect
    layout: Layout = Layout()


class Found(Struct, kw_only=True):
    """Hold what was seen of a case."""

    case: str
    answers: list[Answer]
    log: list[Attempt]
    ledgers: list[dict[str, Any]]
    now: float

    def attempts(self, model: str) -> list[Attempt]:
        """Give the wall's attempts on a model."""
        return [each for each in self.log if each.model == model]

    @property
    def took(self) -> float:
        """Give the seconds of the slowest answer."""
        return max(answer.took for answer in self.answers)


@asynccontextmanager
async def site_of(case: Case, pace: Pace, folder: Path) -> AsyncIterator[Site]:
    """Serve a case."""
    scripts: dict[str, Script] = {**dict.fromkeys(case.layout.models, OK), **case.scripts}
    async with Wall(scripts) as wall, serving(mapping(wall, pace, case.layout, folder)) as url:
        yield Site(url, wall)


async def play_at(case: Case, site: Site) -> Found:
    """Play a case to its end and give what was seen."""
    told = await asyncio.gather(*(_ask(site, each) for each in case.asks))
    await _let_go(site.wall)
    ids = dict.fromkeys(each.headers["x-gearshift-exchange-id"] for each in told if _has_id(each))
    ledgers = [await site.ledger(each) for each in ids]
    now = asyncio.get_running_loop().time()
    return Found(case=case.name, answers=list(told), log=list(site.wall.log), ledgers=ledgers, now=now)


async def _ask(site: Site, each: Ask) -> Answer:
    await asyncio.sleep(each.at)
    return await ask(site.url, each, site.wall.busy)


def _has_id(answer: Answer) -> bool:
    return "x-gearshift-exchange-id" in answer.headers


async def _let_go(wall: Wall) -> None:
    """Wait until each attempt has been played to its end, or was left, as long as that may take."""
    ends = [asyncio.create_task(attempt.ended.wait()) for attempt in wall.log]
    if ends:
        _, open_still = await asyncio.wait(ends, timeout=CLOSE_SECONDS + 1.0)
        for each in open_still:
            each.cancel()


def faults(case: Case, found: Found, pace: Pace) -> list[str]:
    """Say everything that is not as it must be."""
    told = [*_of_wall(case, found, pace), *_of_ledger(case, found)]
    for number, answer in enumerate(found.answers):
        where = f"answer {number}: " if len(found.answers) > 1 else ""
        told += [f"{where}{fault}" for fault in (*_always(answer), *_of_caller(case.expect, answer, pace))]
    return told


def _always(answer: Answer) -> Iterator[str]:
    """Check what holds of every answer."""
    heard = answer.heard
    if answer.left:
        return
    if answer.status == 200 and answer.verdict == "lie":
        yield f"a lie: a clean end behind {len(heard.text)} of {len(TEXT)} characters, error {heard.error}"
    if not TEXT.startswith(heard.text):
        yield f"the text is not the beginning of the answer: {heard.text[:80]!r}"
    if answer.status == 500:
        yield "found a 500 of ours"
    if SECRET.encode() in answer.raw:
        yield "the secret of the provider is in the answer"


def _of_caller(expect: Expect, answer: Answer, pace: Pace) -> Iterator[str]:
    if expect.quiet or answer.left:
        return
    heard = answer.heard
    if answer.verdict not in expect.verdicts:
        said = heard.error or bytes(answer.body[-200:])
        yield f"heard {answer.verdict} ({answer.status}), expected {'/'.join(sorted(expect.verdicts))}: {said!r}"
    elif answer.verdict == "whole":
        yield from _of_whole(expect, answer)
    else:
        yield from _of_error(expect, answer)
    for name, prefix in expect.headers.items():
        if not answer.headers.get(name, "-").startswith(prefix):
            yield f"header {name} is {answer.headers.get(name)!r}, expected {prefix!r}"
    if expect.within is not None and answer.took > expect.within + pace.slack:
        yield f"took {answer.took:.2f} s, expected at most {expect.within:g} s"


def _of_whole(expect: Expect, answer: Answer) -> Iterator[str]:
    heard = answer.heard
    if expect.served is not None and heard.model != expect.served:
        yield f"the model that answered is said to be {heard.model!r}, expected {expect.served!r}"
    if not heard.usage:
        yield "the answer has no usage"


def _of_error(expect: Expect, answer: Answer) -> Iterator[str]:
    heard = answer.heard
    error = heard.error or {}
    if expect.statuses and answer.status not in expect.statuses:
        yield f"status {answer.status}, expected {sorted(expect.statuses)}"
    code = error.get("code") or error.get("type")
    if expect.codes and code not in expect.codes:
        yield f"error code {code!r}, expected {sorted(expect.codes)}"
    if expect.says not in json.dumps(error):
        yield f"the error does not say {expect.says!r}: {error}"


def _of_wall(case: Case, found: Found, pace: Pace) -> Iterator[str]:
    expect = case.expect
    for model, (least, most) in expect.attempts.items():
        seen = len(found.attempts(model))
        if not least <= seen <= most:
            yield f"the wall saw {seen} attempts on {model}, expected {least} to {most}"
    if expect.gap is not None:
        times = [each.read for each in found.attempts("primary")][:2]
        gap = times[1] - times[0] if len(times) > 1 else None
        if gap is None or not expect.gap[0] <= gap <= expect.gap[1] + pace.slack:
            yield f"{gap} s between the first two attempts on primary, expected {expect.gap[0]:g} to {expect.gap[1]:g}"
    for each in found.log:
        yield from _of_hanging(each, found)


def _of_hanging(attempt: Attempt, found: Found) -> Iterator[str]:
    """Check that an upstream which did not come to its own end was let go of once the callers had theirs."""
    left = attempt.left
    if left is None and attempt.ended.is_set():
        return
    end = max(answer.ended_at for answer in found.answers)
    if left is None:
        yield f"attempt {attempt.number} on {attempt.model} is still open {found.now - end:.2f} s after the end"
    elif left - end > CLOSE_SECONDS + 0.5:
        yield f"attempt {attempt.number} on {attempt.model} was let go of {left - end:.2f} s after the end"


def _of_ledger(case: Case, found: Found) -> Iterator[str]:
    """Hold the ledger against the wall's own log and bill."""
    if not found.ledgers:
        if any(_has_id(each) for each in found.answers):
            yield "an exchange has no row in the ledger"
        return
    broken = [each for each in found.ledgers if "attempts" not in each]
    if broken:
        yield f"an exchange has no row in the ledger: {broken[0]}"
        return
    sent = [each for ledger in found.ledgers for each in ledger["attempts"] if each["billing"] != "not_sent"]
    told = all(_has_id(each) for each in found.answers)
    if told and len(sent) != len(found.log):
        yield f"the ledger has {len(sent)} attempts, the wall {len(found.log)}"
    yield from _of_money(case.expect.bill, found)


def _of_money(bill: Bill | None, found: Found) -> Iterator[str]:
    owed = sum(each.bill for each in found.log)
    costs = [ledger["total_cost"] for ledger in found.ledgers]
    if None in costs:
        yield "the ledger does not know a cost, though every price is known"
        return
    charged = sum(round(cost * NANO) for cost in costs)
    flagged = any(each["usage_estimated"] for ledger in found.ledgers for each in ledger["attempts"])
    if bill is None:
        ok, wanted = charged == owed == 0, "0"
    elif bill == "exact":
        ok, wanted = charged == owed and not flagged, f"exactly {owed}"
    elif bill == "estimated":
        ok, wanted = flagged and abs(charged - owed) <= TOLERANCE * owed, f"{owed} within 5 %, flagged"
    elif bill == "flagged":
        ok, wanted = flagged and charged > 0, "something, flagged"
    else:
        ok = charged == owed or (flagged and charged >= (1 - TOLERANCE) * owed)
        wanted = f"{owed}, or at least that and flagged"
    if not ok:
        yield f"the ledger charges {charged} nano-USD{' (estimated)' if flagged else ''}, the wall {wanted}"
