"""Own the sixteen cells of the Failover Bench, written anew from its description, with its checks and its verdicts.

Source: github.com/failoverbench/failoverbench, `scenarios/catalogue.yaml` and METHODOLOGY.md, methodology v0.1 (read
2026-11). All models are at one provider under one key; each cell's model falls back to a healthy one, whose window is
declared to be the larger one. Timings of the profile `full` are that bench's; those of `fast` are in the same ratio to
our limits. What that bench calls advisory is required here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct

from tests.wall.caller import Answer, Ask, ask
from tests.wall.pace import Pace
from tests.wall.plays import answers, cuts, ends, inserts, lacks, refuses, stalls, until, waits
from tests.wall.server import Attempt, Wall
from tests.wall.site import serving
from tests.wall.steps import Script

CUT_AFTER: Final = 40
STALL_AFTER: Final = 20
BAD_AT: Final = 10
HEALTHY: Final = "healthy"
PICKY: Final = "healthy-without-prefill"
BAD_EVENT: Final = (
    b'data: {"id": "chatcmpl-wall", "object": "chat.completion.chunk", "choices": [{"delta": {"content": \n\n'
)
OVERLOADED: Final = refuses(503, "overloaded", "The engine is currently overloaded. Please try again later.")
LIMITED: Final = refuses(429, "rate_limit_exceeded", "Rate limit reached.")


class Timing(Struct, frozen=True, kw_only=True):
    """Hold what the profile says, in seconds."""

    slow: float
    stall: float
    mute: float
    down: float
    every: float
    count: int


class Sight(Struct, frozen=True, kw_only=True):
    """Hold what was seen of a cell, by its caller and by the wall."""

    answers: list[Answer]
    primary: list[Attempt]
    fallback: list[Attempt]
    alive: Answer
    pace: Pace
    timing: Timing

    @property
    def answer(self) -> Answer:
        """Give the only answer, or the last."""
        return self.answers[-1]


Check: TypeAlias = Callable[[Sight], bool]


class Cell(Struct, frozen=True, kw_only=True):
    """Hold one cell; `checks` are all that must hold, by their name."""

    id: str
    title: str
    script: Script
    checks: Mapping[str, Check]
    fallback: str = HEALTHY
    sequence: bool = False
    ideal_is_error: bool = False


def timing(pace: Pace) -> Timing:
    """Give the bench's profile."""
    if pace.name == "full":
        return Timing(slow=20.0, stall=30.0, mute=120.0, down=60.0, every=4.0, count=20)
    down = pace.down
    return Timing(slow=3 * pace.first_token, stall=3 * pace.stall, mute=8.0, down=down, every=1.0, count=int(down) + 12)


def cells(pace: Pace) -> list[Cell]:
    """Give the sixteen."""
    at = timing(pace)
    return [*_refusals(), *_silences(at), *_streams(at), *_meanings(), *_sequences(at)]


def _tries(least: int, most: int) -> Check:
    return lambda seen: least <= len(seen.primary) <= most


def _hurried(window: float, most: int) -> Check:
    """Check that no more than `most` attempts came within the first `window` seconds."""
    return lambda seen: sum(each.read - seen.primary[0].read < window for each in seen.primary) <= most


def _gap(least: float) -> Check:
    return lambda seen: len(seen.primary) > 1 and seen.primary[1].read - seen.primary[0].read >= least


def _took(most: float) -> Check:
    return lambda seen: seen.answer.took <= most


def _alive(seen: Sight) -> bool:
    return seen.alive.verdict == "whole"


def _has_usage(seen: Sight) -> bool:
    return bool(seen.answer.heard.usage)


def _names_fallback(seen: Sight) -> bool:
    return seen.answer.heard.model == HEALTHY


def _no_fallback(seen: Sight) -> bool:
    return not seen.fallback


def _refusals() -> list[Cell]:
    limited = refuses(429, "rate_limit_exceeded", "Rate limit reached.", "retry-after: 2")
    failing = refuses(500, "server_error", "The server had an error while processing your request.")
    return [
        Cell(
            id="S01",
            title="429 with Retry-After",
            script=(limited, answers()),
            checks={"retried": _tries(2, 6), "honoured": _gap(1.8), "no hammer": _hurried(1.5, 2)},
        ),
        Cell(
            id="S02",
            title="429 without Retry-After, persistent",
            script=(LIMITED,),
            checks={"bounded": _tries(1, 6), "no hammer": _hurried(3, 4)},
        ),
        Cell(
            id="S03",
            title="500 once, then healthy",
            script=(failing, answers()),
            checks={"same provider": _tries(2, 6)},
        ),
        Cell(id="S04", title="503 persistent", script=(OVERLOADED,), checks={"bounded": _tries(1, 6)}),
        Cell(id="S05", title="TCP reset before headers", script=(ends("rst"), answers()), checks={}),
        Cell(
            id="S16",
            title="Fail-over accounting",
            script=(OVERLOADED,),
            checks={"fallback named": _names_fallback, "usage": _has_usage, "bounded": _tries(1, 6)},
        ),
    ]


def _silences(at: Timing) -> list[Cell]:
    def in_time(seen: Sight) -> bool:
        return seen.answer.took <= seen.pace.first_token + 1 + seen.pace.slack

    mute = waits(at.mute, ends("fin"))
    return [
        Cell(
            id="S06",
            title="No response at all",
            script=(mute,),
            checks={"within budget": in_time, "silent route not retried": _tries(1, 1)},
        ),
        Cell(
            id="S07",
            title="Slow first token",
            script=(waits(at.slow, answers(), after_head=True),),
            checks={"first token limit": in_time},
        ),
    ]


def _streams(at: Timing) -> list[Cell]:
    def in_time(seen: Sight) -> bool:
        return seen.answer.took <= seen.pace.stall + seen.pace.slack + 1

    return [
        Cell(id="S08", title="Stream cut mid-answer", script=(cuts(CUT_AFTER),), checks={}),
        Cell(
            id="S09",
            title="Stream stalls",
            script=(stalls(STALL_AFTER, at.stall),),
            checks={"bounded": in_time, "alive": _alive},
        ),
        Cell(
            id="S10",
            title="Malformed chunk in the stream",
            script=(inserts(BAD_AT, BAD_EVENT),),
            checks={"alive": _alive},
        ),
        Cell(
            id="S11",
            title="Stream ends without [DONE]",
            script=(lacks(terminator=True),),
            checks={"prompt": _took(8), "usage": _has_usage},
        ),
        Cell(
            id="S14",
            title="Fallback target rejects prefill",
            script=(cuts(CUT_AFTER),),
            checks={},
            fallback=PICKY,
        ),
    ]


def _meanings() -> list[Cell]:
    said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9631 tokens."
    filtered = "Your request was rejected as a result of our safety system."
    return [
        Cell(
            id="S12",
            title="Context length exceeded",
            script=(refuses(400, "context_length_exceeded", said),),
            checks={"no same-model retry": _tries(1, 1)},
        ),
        Cell(
            id="S13",
            title="Content-filter rejection",
            script=(refuses(400, "content_policy_violation", filtered),),
            checks={"no same-model retry": _tries(1, 1), "not routed around": _no_fallback},
            ideal_is_error=True,
        ),
    ]


def _sequences(at: Timing) -> list[Cell]:
    def recovered(seen: Sight) -> bool:
        start = seen.primary[0].read
        back = [each.read - start for each in seen.primary if each.reported]
        return bool(back) and min(back) - seen.timing.down <= 10 + seen.timing.every + seen.pace.slack

    def disciplined(seen: Sight) -> bool:
        start = seen.primary[0].read
        return sum(each.read - start < at.down for each in seen.primary) <= at.down / at.every

    flaps = until(at.down, OVERLOADED, answers())
    return [
        Cell(
            id="S15",
            title="Primary flaps: down, then healthy",
            script=(flaps,),
            checks={"recovered": recovered, "probe discipline": disciplined},
            sequence=True,
        )
    ]


def config(base_url: str, pace: Pace, folder: Path, all_cells: list[Cell]) -> dict[str, Any]:
    """Give the config that a user would write for it: one provider, each model with its fallback."""
    price = {"input": 1, "output": 2}

    def model(window: int, *fallbacks: str) -> dict[str, Any]:
        return {
            "context_window": window,
            "deployments": [{"provider": "wall", "price": price}],
            "fallbacks": list(fallbacks),
        }

    return {
        "store": f"sqlite:///{folder / 'gearshift.db'}",
        "catalog": str(folder / "prices.json"),
        "providers": {"wall": {"protocol": "openai_chat", "base_url": base_url, "key": "env:WALL_KEY"}},
        "models": {
            **{each.id.lower(): model(8_192, each.fallback) for each in all_cells},
            HEALTHY: model(128_000),
            PICKY: model(128_000),
        },
        "reliability": pace.reliability,
    }


async def bench(pace: Pace, folder: Path) -> dict[str, list[str]]:
    """Run all cells side by side, each with a gateway of its own; give what keeps each from a pass."""
    every = cells(pace)
    async with AsyncExitStack() as stack:
        sites = []
        for cell in every:
            (folder / cell.id).mkdir()
            wall = await stack.enter_async_context(Wall(_scripts(cell)))
            made = config(wall.base_url, pace, folder / cell.id, every)
            sites.append((wall, await stack.enter_async_context(serving(made))))
        found = await asyncio.gather(*(_scored(cell, pace, *site) for cell, site in zip(every, sites, strict=True)))
    return {cell.id: missed for cell, missed in zip(every, found, strict=True)}


def _scripts(cell: Cell) -> dict[str, Script]:
    healthy: dict[str, Script] = {HEALTHY: (answers(prefill="continued"),), PICKY: (answers(prefill="refused"),)}
    return {cell.id.lower(): cell.script, **healthy}


async def _scored(cell: Cell, pace: Pace, wall: Wall, url: str) -> list[str]:
    at, model = timing(pace), cell.id.lower()

    async def one(number: int) -> Answer:
        await asyncio.sleep(at.every * number)
        return await ask(url, Ask(model=model, fields={"stream_options": {"include_usage": True}}))

    told = await asyncio.gather(*map(one, range(at.count if cell.sequence else 1)))
    seen = [list(wall.attempts(name)) for name in (model, cell.fallback)]
    alive = await ask(url, Ask(model=HEALTHY, stream=False))
    sight = Sight(answers=list(told), primary=seen[0], fallback=seen[1], alive=alive, pace=pace, timing=at)
    ideal = "refused" if cell.ideal_is_error else "whole"
    missed = [f"heard {each.verdict} ({each.status}), expected {ideal}" for each in told if each.verdict != ideal]
    return missed + [f"check failed: {name}" for name, check in cell.checks.items() if not check(sight)]
