"""Check by simulation how often the intervals of `gearshift replay` hold the truth.

    full feedback ─ draw prompts, draw models by weight ─> 500 logs ─ replay ─> intervals ─> share that hold the truth

The policies asked about are ranked by the code that serves. Synthetic prompts are always used; recorded outcomes are
taken from GEARSHIFT_DATA, else ../shared/data beside the repository; without them: "skipped: no data".
Usage: python -m tools.bench_replay [--logs 500] [--seed 0] [--write] [--check]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from gearshift.config.policy import PolicyConfig
from tools.replay_bench.coverage import Design, run
from tools.replay_bench.population import Population, recorded, synthetic
from tools.replay_bench.report import markdown, write

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "replay.md"
CHECK_FAILED: Final = 3
EVEN: Final = (1.0, 1.0, 1.0, 1.0)
CANARY: Final = (0.8, 0.1, 0.05, 0.05)


def designs(population: Population) -> list[Design]:
    """Ask even and skewed logs of a population about an objective and about weights."""
    tier = PolicyConfig.model_validate({"objective": {"cost_tier": "medium"}})
    halves = PolicyConfig.model_validate({"weights": dict.fromkeys(population.models[1:3], 0.5)})
    even = Design(population=population, logged="even", weights=EVEN, asked="cost tier", policy=tier, rows=2000)
    canary = replace(even, logged="80/10/5/5", weights=CANARY, rows=8000)
    return [
        even,
        replace(even, asked="weights", policy=halves),
        replace(even, asked="weights", policy=halves, model="means"),
        canary,
        replace(canary, asked="weights", policy=halves),
    ]


def extremes(population: Population) -> list[Design]:
    """Ask logs that are only just large enough, or too small, and cut weights."""
    even, *_, canary, _ = designs(population)
    return [replace(even, rows=500), replace(canary, rows=200), replace(canary, clip=4.0)]


def main() -> int:
    """Simulate and report; 3 with --check when an interval does not cover."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=500, help="logs of each design")
    parser.add_argument("--seed", type=int, default=0, help="seed of the prompts and of the logs")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reference/replay.md")
    parser.add_argument("--check", action="store_true", help="exit with 3 when a coverage is not within 93 to 98 %%")
    arguments = parser.parse_args()
    populations = [synthetic(arguments.seed)]
    data = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if data.is_dir():
        populations += recorded(data)
    else:
        print(f"recorded outcomes skipped: no data (looked in {data}; set GEARSHIFT_DATA)", file=sys.stderr)
    findings = []
    for population in populations:
        print(f"{population.name}: {len(population.score)} prompts", file=sys.stderr)
        thin = extremes(population) if population.name == "synthetic" else []
        for design in designs(population) + thin:
            findings += run(design, arguments.logs, arguments.seed)
    table = markdown(findings, arguments.seed)
    print(table)
    if arguments.write:
        write(PAGE, table)
    return CHECK_FAILED if arguments.check and any(each.missed for each in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
