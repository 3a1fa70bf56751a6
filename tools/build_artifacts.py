"""Train the `builtin` artefact again from the recorded outcomes, and write it into the package.

    make artifacts [ARGS="--holdout 0.2 --seed 0"]

The outcomes come from the folder in GEARSHIFT_DATA, else ../shared/data beside the repository; without it: skipped.
Which models take part, under which names, and why others do not: `tools/builtin_models.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from gearshift.learning.artifact import Artifact, builtin_path
from gearshift.learning.data import load
from gearshift.learning.training import train

ROOT: Final = Path(__file__).resolve().parents[1]
MODELS: Final = ROOT / "tools" / "builtin_models.json"
MAX_BYTES: Final = 3_000_000


def main() -> int:
    """Build; give 0, or 1 when the result is too large to ship."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holdout", type=float, default=0.2, help="share of prompts held back and measured on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=builtin_path())
    asked = parser.parse_args()
    folder = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    stated = json.loads(MODELS.read_text(encoding="utf-8"))
    files = [folder / f"{source['dataset']}.parquet" for source in stated["sources"]]
    if not all(file.is_file() for file in files):
        print(f"skipped: no data in {folder}")
        return 0
    start = time.monotonic()

    def tell(what: str, share: float) -> None:
        print(f"{time.monotonic() - start:6.0f} s  {share:4.0%}  {what}", file=sys.stderr)

    artifact = train(
        load(files, rename=renaming(stated["models"])), seed=asked.seed, holdout=asked.holdout, progress=tell
    )
    named(artifact, stated).save(asked.out)
    size = sum(file.stat().st_size for file in asked.out.iterdir())
    print(f"wrote {asked.out}: {size} bytes")
    return 0 if size <= MAX_BYTES else 1


def renaming(models: dict[str, dict[str, list[str]]]) -> Callable[[str, str], str | None]:
    """Map a data set's entry to the name of the model, None for what is left out."""
    names = {(dataset, entry): name for name, at in models.items() for dataset, found in at.items() for entry in found}
    return lambda dataset, entry: names.get((dataset, entry))


def named(artifact: Artifact, stated: dict[str, Any]) -> Artifact:
    """Add aliases and sources."""
    replace = msgspec.structs.replace
    return Artifact(
        manifest=replace(artifact.manifest, aliases=stated["aliases"], sources=tuple(stated["sources"])),
        parameters=replace(artifact.parameters, aliases=stated["aliases"]),
    )


if __name__ == "__main__":
    sys.exit(main())
