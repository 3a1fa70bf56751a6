"""Fuzz every reader of foreign bytes by coverage (atheris), each in a process of its own: `make fuzz`.

A case that takes more than a second, or raises anything that is not ours, ends the run with exit code 1, its bytes in a
file. Source: https://github.com/google/atheris (3.0, read 2026-11).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

RUNS: Final = 1_000_000
TIMEOUT: Final = 1
"""Seconds that a case may take."""
MAX_BYTES: Final = 4096
SEED: Final = 1


def run(name: str, runs: int, corpus: Path) -> int:
    """Fuzz one target in a process of its own; give its exit code."""
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tools.fuzz", "--one", name, "--runs", str(runs), "--corpus", str(folder)]
    began = time.monotonic()
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    took = time.monotonic() - began
    print(f"{name:34} {runs:>9} cases {took:7.1f} s  {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:], sep="\n")
    return done.returncode


def fuzz(name: str, runs: int, corpus: Path) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris  # noqa: PLC0415 - installed only where this runs

    with atheris.instrument_imports(include=["gearshift.protocols", "gearshift.server.steering"]):
        from tests.fuzz.seeds import seeds  # noqa: PLC0415 - what is imported here is instrumented
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    found = f"-artifact_prefix={corpus.parent}/{name}-"
    options = [f"-runs={runs}", f"-timeout={TIMEOUT}", f"-max_len={MAX_BYTES}", f"-seed={SEED}", found]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Fuzz the targets that are named, or all; share the runs out among them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names of targets; all when none is given")
    parser.add_argument("--runs", type=int, default=RUNS, help="cases in all")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--corpus", type=Path, help="folder to keep what was found in")
    asked = parser.parse_args()
    corpus = asked.corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))
    if asked.one:
        fuzz(asked.one, asked.runs, corpus)
        return 0
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - not before what is instrumented

    names = asked.targets or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        print(f"found {', '.join(sorted(unknown))}, expected some of {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    failed = [name for name in names if run(name, -(-asked.runs // len(names)), corpus)]
    print(f"{len(names) - len(failed)} of {len(names)} targets without a fault; corpus and findings: {corpus}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
