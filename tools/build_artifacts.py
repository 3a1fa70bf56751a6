"""Train the artefacts that ship in the package: `builtin` on public outcome data, `demo` on the demo's graded prompts.

Usage: python tools/build_artifacts.py [builtin] [demo] [--seed 0]
`builtin` takes the data from GEARSHIFT_DATA, else ../shared/data beside the repository; without them: "skipped: no data".
`demo` asks the demo providers, through the gateway, every graded prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from gearshift.cli.demo import Running, fit
from gearshift.cli.demo_client import DemoClient
from gearshift.learning.artifact import builtin_path, demo_path
from gearshift.learning.data import load, split
from gearshift.learning.evaluation import evaluate
from gearshift.learning.training import train

ROOT: Final = Path(__file__).resolve().parents[1]
HOLDOUT: Final = 0.2
MODELS: Final = ROOT / "tools" / "builtin_models.json"
SOURCES: Final = (
    {"name": "routellm", "from": "lm-sys/RouteLLM", "licence": "Apache-2.0"},
    {"name": "mmlu_pro", "from": "TIGER-AI-Lab/MMLU-Pro", "licence": "Apache-2.0"},
    {"name": "kor_bench", "from": "KOR-Bench/KOR-Bench", "licence": "Apache-2.0"},
    {"name": "zeroeval", "from": "WildEval/ZeroEval", "licence": "Apache-2.0"},
    {"name": "bfcl", "from": "HuanzhiMao/BFCL-Result, 2024-08-11", "licence": "Apache-2.0, as the gorilla project states"},
    {"name": "llmrouter", "from": "ulab-uiuc/LLMRouter", "licence": "MIT"},
    {"name": "superhard_math", "from": "dennisonbertram/llm-model-routing-benchmark", "licence": "MIT"},
    {"name": "evalperf", "from": "evalplus/evalplus.github.io", "licence": "Apache-2.0"},
)


def main() -> int:
    """Build what is asked for; both by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", default=["builtin", "demo"], choices=["builtin", "demo"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if "builtin" in arguments.which:
        build_builtin(arguments.seed)
    if "demo" in arguments.which:
        asyncio.run(build_demo(arguments.seed))
    return 0


def build_builtin(seed: int) -> None:
    """Train on all public data but a held-out fifth of the prompts, on which the manifest's metrics are measured."""
    data = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        print(f"builtin: skipped: no data (looked in {data}; set GEARSHIFT_DATA)")
        return
    names = renaming(json.loads(MODELS.read_text())["models"])
    files = [data / f"{source['name']}.parquet" for source in SOURCES]
    table = load(files, rename=lambda dataset, model: names.get((dataset, model)))
    rest, held = split(table, HOLDOUT, seed)
    began = time.monotonic()
    artifact = train(rest, seed=seed, sources=SOURCES, progress=lambda what: print(f"builtin: {what}", file=sys.stderr))
    metrics = evaluate(artifact.predictor, held, seed=seed).metrics()
    manifest = msgspec.structs.replace(artifact.manifest, holdout={"fraction": HOLDOUT, "seed": seed}, metrics=metrics)
    msgspec.structs.replace(artifact, manifest=manifest).save(builtin_path())
    observed = int((~np.isnan(rest.quality)).sum())
    seconds = time.monotonic() - began
    print(f"builtin: {len(rest.models)} models, {len(rest.prompts)} prompts, {observed} outcomes, {seconds:.0f} s")


def renaming(models: dict[str, dict[str, list[str]]]) -> dict[tuple[str, str], str]:
    """Turn "name: {data set: [entries]}" round, to (data set, entry): name."""
    return {
        (dataset, entry): name
        for name, entries in models.items()
        for dataset, listed in entries.items()
        for entry in listed
    }


async def build_demo(seed: int) -> None:
    """Ask the demo providers everything and train on all of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gearshift-demo-")))
        running = await Running.start(stack, folder, local_model=True, predictor="builtin")
        client = await stack.enter_async_context(DemoClient(running.url))
        outcomes = await client.ask_all(running.prompts, running.models, "asking every model every prompt")
    fit(outcomes, demo_path(), seed)
    print(f"demo: {len(running.models)} models, {len(running.prompts)} prompts")


if __name__ == "__main__":
    sys.exit(main())
