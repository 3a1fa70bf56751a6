from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.errors import DataError


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """Make outcomes and an artefact that held 30 % of them back."""
    data, out = tmp_path / "o.jsonl", tmp_path / "r"
    rows = (
        {"prompt": f"question {number}", "model": model, "score": (number + len(model)) % 2, "cost_usd": price}
        for number in range(60)
        for model, price in (("big", 0.1), ("tiny", 0.01))
    )
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(out), "--holdout", "0.3"])
    assert done.exit_code == 0, done.output
    return data, out


def test_the_report_is_text_or_json(made: tuple[Path, Path]) -> None:
    data, out = made
    arguments = ["evaluate", "--artifact", str(out), "--data", str(data)]
    text = CliRunner().invoke(app, arguments)
    assert text.exit_code == 0, text.output
    assert "o: 60 prompts, 2 models" in text.stdout
    assert "flatter" in text.stderr
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert document["sets"][0]["prompts"] == 60


def test_held_out_measures_what_training_measured(made: tuple[Path, Path]) -> None:
    data, out = made
    done = CliRunner().invoke(app, ["evaluate", "--artifact", str(out), "--data", str(data), "--held-out", "--json"])
    found = json.loads(done.stdout)["sets"][0]
    manifest = json.loads((out / "manifest.json").read_text())
    assert found["gain"] == manifest["metrics"]["o"]["gain"]
    assert 0 < found["prompts"] < 60


def test_held_out_needs_a_holdout(made: tuple[Path, Path], tmp_path: Path) -> None:
    data, _ = made
    CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(tmp_path / "all")])
    done = CliRunner().invoke(app, ["evaluate", "--artifact", str(tmp_path / "all"), "--data", str(data), "--held-out"])
    assert isinstance(done.exception, DataError)
    assert "found a holdout of 0.0" in done.exception.message
