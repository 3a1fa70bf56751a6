"""Show the proof that a user can run without a key: the demo trains, routes through the gateway and compares."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path


def test_the_demo_saves_money_on_prompts_it_has_not_seen(
    tmp_path: Path, gearshift: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = gearshift("demo", "--no-local-model", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["trained_on_prompts"] + report["tested_on_prompts"] >= 200
    assert report["training_seconds"] < 60
    names = [line["name"] for line in report["lines"]]
    assert names[-2:] == ["oracle", "auto"]
    assert report["auto_cost_over_best"] < 0.8
    assert report["auto_minus_best"]["high"] > 0  # not shown to be worse than always taking the best model
    assert len(report["share_of_auto"]) >= 2
    assert list(tmp_path.iterdir()) == []  # nothing is left behind
