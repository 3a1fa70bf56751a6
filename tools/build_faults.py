"""Make `docs/reference/faults.md`: what goes wrong, what the router does then, which test shows it, and its figure.

    python -m tools.build_faults           # play everything at the shipped limits, and write figures and page
    python -m tools.build_faults --page    # write the page again from the figures that are there
    python -m tools.build_faults --check   # say whether the page is current

Figures come from a run and from nowhere else; they are kept in `tools/faults.json`. A full run takes 25 minutes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tests.wall.all_cases import all_cases
from tests.wall.case import Case
from tests.wall.failover_bench import bench, cells
from tests.wall.pace import FULL
from tests.wall.pending import PENDING
from tests.wall.running import Outcome, play
from tests.wall.sweep import cuttings, run_sweep

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "faults.md"
FIGURES: Final = ROOT / "tools" / "faults.json"
SWEEP_STEP: Final = 7
TITLES: Final = {
    "F1": "429 that says how long to wait",
    "F2": "429 that does not",
    "F3": "the money is gone",
    "F4": "`slow_down`",
    "F5": "overloaded",
    "F6": "500, 502, 504; connections refused, closed, reset",
    "F7": "connects, never answers",
    "F8": "a head, and no first token",
    "F9": "stalls in the middle",
    "F10": "an error behind a 200, before any content",
    "F11": "an error in the middle of a stream",
    "F12": "cut in the middle",
    "F13": "the end is said oddly, or not at all",
    "F14": "what is no event stream, and what just looks odd",
    "F15": "the prompt is too long",
    "F16": "refused for its content",
    "F17": "our credential is refused",
    "F18": "the caller's own mistake",
    "F19": "200 without an answer",
    "F20": "the caller leaves",
    "F22": "every attempt and its cost",
    "F23": "clients that ask again",
    "F24": "everybody rests",
    "F25": "a flapping target",
    "F35": "deadlines",
}


class Figures(Struct, kw_only=True):
    """Hold what a run measured. `took`: seconds of the slowest answer of a row; the others are counts."""

    date: str | None = None
    took: dict[str, float | None] = {}
    failed: dict[str, list[str]] = {}
    bench: dict[str, list[str]] = {}
    streams: int = 0
    lies: int = 0
    with_fallback: int = 0
    rescued: int = 0


def page(figures: Figures) -> str:
    """Write the page."""
    rows = all_cases(FULL)
    return "\n".join([*_head(figures, len(rows)), *_bench(figures), *_sweep(figures), *_rows(rows, figures)]) + "\n"


def _head(figures: Figures, count: int) -> Iterator[str]:
    measured = figures.date or "not measured yet"
    yield f"""# Faults

What goes wrong at a provider, what the router does then, and the test that shows it. Each row is played against a wall:
an upstream on raw sockets that does just this, keeps a log of every attempt, and makes a bill of its own. In every row
no answer is a lie (a clean end behind half a text), nothing follows an error, no secret shows, an upstream that hangs
is let go of within a second, and the ledger has each of the wall's attempts.

{count} rows are played with every change, at limits scaled down (`make test`), and by `make faults` at the shipped
ones. Seconds are those of the slowest answer of the row. Measured: {measured}. This page is made by
`python -m tools.build_faults`."""


def _bench(figures: Figures) -> Iterator[str]:
    yield """
## Failover Bench

The sixteen cells of the [Failover Bench](https://github.com/failoverbench/failoverbench) (v0.1), written anew from
their description, at its profile `full` and with our shipped defaults. Its advisory checks are required here.

| cell | fault | verdict |
|---|---|---|"""
    for cell in sorted(cells(FULL), key=lambda each: each.id):
        missed = figures.bench.get(cell.id)
        verdict = "not measured yet" if missed is None else "pass" if not missed else f"**fails**: {'; '.join(missed)}"
        yield f"| {cell.id} | {cell.title} | {verdict} |"


def _sweep(figures: Figures) -> Iterator[str]:
    yield """
## Truncation

Recorded streams of four protocols, cut at every byte by an end or a reset, for callers of four protocols, with and
without another candidate (`tests/faults/test_truncation.py`).

| what | how many |
|---|---|"""
    if not figures.streams:
        yield "| streams | not measured yet |"
        return
    yield f"| streams | {figures.streams:,} |"
    yield f"| silent truncations, or another text | {figures.lies} |"
    share = f"{figures.rescued / figures.with_fallback:.1%}"
    yield f"| with another candidate: whole all the same | {figures.rescued:,} of {figures.with_fallback:,}, {share} |"


def _rows(rows: list[Case], figures: Figures) -> Iterator[str]:
    for fault, title in TITLES.items():
        yield f"\n## {fault}: {title}\n"
        yield "| test | what the router does | seconds |"
        yield "|---|---|---|"
        for case in rows:
            if case.fault == fault:
                yield f"| `{case.name}` | {case.behaviour} | {_figure(case.name, figures)} |"


def _figure(name: str, figures: Figures) -> str:
    if name in PENDING:
        return f"**does not hold yet**: {PENDING[name]}"
    if name in figures.failed:
        return f"**fails**: {'; '.join(figures.failed[name])}".replace("|", "/")
    took = figures.took.get(name)
    return "not measured yet" if took is None else f"{took:.2f}"


def measure() -> Figures:
    """Play everything at the shipped limits."""
    figures = Figures(date=time.strftime("%Y-%m-%d"), took={}, failed={})
    with tempfile.TemporaryDirectory() as folder:
        figures.bench = asyncio.run(bench(FULL, Path(folder)))
    print(f"build_faults: {sum(not each for each in figures.bench.values())} of 16 cells pass", flush=True)
    outcomes: Mapping[str, Outcome] = asyncio.run(play(all_cases(FULL), FULL))
    for name, outcome in outcomes.items():
        figures.took[name] = None if outcome.took is None else round(outcome.took, 2)
        if outcome.faults and name not in PENDING:
            figures.failed[name] = list(outcome.faults)
    print(f"build_faults: {len(outcomes)} rows, {len(figures.failed)} fail, {len(PENDING)} pending", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        swept = run_sweep(Path(folder), cuttings(SWEEP_STEP))
    figures.streams, figures.lies = swept.streams, len(swept.lies)
    figures.with_fallback, figures.rescued = swept.with_fallback, swept.rescued
    print(f"build_faults: {swept.streams:,} cut streams, {len(swept.lies)} lies", flush=True)
    return figures


def load() -> Figures:
    """Read the figures that are there."""
    return msgspec.json.decode(FIGURES.read_bytes(), type=Figures) if FIGURES.exists() else Figures()


def main(arguments: list[str]) -> int:
    """Write the page, or check it; give the exit code: 1 where it is out of date or a row fails."""
    if arguments == ["--check"]:
        current = PAGE.read_text(encoding="utf-8") == page(load())
        print(f"build_faults: {PAGE.name} is {'current' if current else 'out of date; run it with --page'}")
        return 0 if current else 1
    figures = load() if arguments == ["--page"] else measure()
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(figures, order="sorted"), indent=1) + b"\n")
    PAGE.write_text(page(figures), encoding="utf-8")
    print(f"build_faults: wrote {PAGE}")
    return 1 if figures.failed or figures.lies or any(figures.bench.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
