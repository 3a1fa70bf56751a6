"""Drive real prompts through the running gateway and compare what `auto` cost and scored with the baselines.

    recorded outcomes ─ split by prompt ─> train half ─ train ──> artefact ─┐
                                       └─> test half ── HTTP ──> gateway, `auto` at several dials ── HTTP ──> replay

The replay upstream serves the recorded outcomes as models, so the true score and cost of every choice are known.
Usage: python tools/bench_routing.py [--sets routellm,kor_bench] [--seed 0] [--json FILE] [--write]
The data are taken from GEARSHIFT_DATA, else ../shared/data beside the repository; without them: "skipped: no data".
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tools.routing_bench.compare import Finding, compare
from tools.routing_bench.drive import drive
from tools.routing_bench.report import markdown, text, write
from tools.routing_bench.study import STUDIES, Study, prepare

ROOT: Final = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the studies; 0 also when there is no data, which is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(STUDIES), help="studies, separated by commas")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split, of training and of the bootstrap")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--write", action="store_true", help="write the tables into the docs")
    arguments = parser.parse_args()
    data = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        print(f"skipped: no data (looked in {data}; set GEARSHIFT_DATA)")
        return 0
    findings = [run(STUDIES[name], data, arguments.seed) for name in arguments.sets.split(",")]
    print(text(findings))
    if arguments.json:
        arguments.json.write_text(json.dumps([finding.document() for finding in findings], indent=2))
    if arguments.write:
        write(ROOT, markdown(findings))
    return 0


def run(study: Study, data: Path, seed: int) -> Finding:
    """Prepare, train, drive and compare one study."""
    with tempfile.TemporaryDirectory(prefix="gearshift-bench-") as name:
        folder = Path(name)
        print(f"{study.name}: splitting and training", file=sys.stderr)
        prepared = prepare(study, data, folder, seed)
        print(f"{study.name}: driving {len(prepared.prompts)} prompts at {len(study.dials)} dials", file=sys.stderr)
        answers = asyncio.run(_drive(study, folder))
        return compare(study, prepared, answers, seed)


async def _drive(study: Study, folder: Path) -> dict[str, dict[str, tuple[str, float]]]:
    async with AsyncExitStack() as stack:
        return await drive(stack, study, folder)


if __name__ == "__main__":
    sys.exit(main())
