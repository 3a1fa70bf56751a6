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


def test_the_report_is_one_page_in_the_folder(made: tuple[Path, Path], tmp_path: Path) -> None:
    data, out = made
    arguments = ["evaluate", "--artifact", str(out), "--data", str(data), "--report", str(tmp_path / "new" / "report")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    page = tmp_path / "new" / "report" / "report.html"
    assert f"wrote {page}" in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_training_outcomes_and_prices_are_taken(made: tuple[Path, Path], tmp_path: Path) -> None:
    data, out = made
    prices = tmp_path / "prices.yaml"
    prices.write_text("big: 0.2\ntiny: [1, 2]\n")
    arguments = ["--artifact", str(out), "--data", str(data), "--train", str(data), "--prices", str(prices)]
    done = CliRunner().invoke(app, ["evaluate", *arguments, "--held-out", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["sets"][0]
    assert [each["name"] for each in found["rivals"]] == ["kNN", "ridge per model"]
    assert {each["model"]: each["cost_usd"] for each in found["singles"]} == pytest.approx({"big": 0.1, "tiny": 0.01})
