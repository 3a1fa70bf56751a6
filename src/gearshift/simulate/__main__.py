"""Run the simulated upstream: `python -m gearshift.simulate --port 0 [--models calc,docs] [--replay FILE ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gearshift.simulate.child import serve


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m gearshift.simulate", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    parser.add_argument("--models", help="demo models, separated by commas; default: all that can run here")
    parser.add_argument("--replay", type=Path, action="append", default=[], help="outcome file (Parquet); repeatable")
    arguments = parser.parse_args()
    names = None if arguments.models is None else [name for name in arguments.models.split(",") if name]
    return serve(port=arguments.port, models=names, replay=arguments.replay)


if __name__ == "__main__":
    sys.exit(main())
