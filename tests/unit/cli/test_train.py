from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app, main
from gearshift.learning.artifact import load


def outcomes(path: Path, n: int = 40) -> Path:
    rows = (
        {"prompt": f"question {number}", "model": model, "score": (number + len(model)) % 2, "cost_usd": 0.1}
        for number in range(n)
        for model in ("big", "tiny")
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_training_prints_what_it_learned_and_writes_an_artefact(tmp_path: Path) -> None:
    data = outcomes(tmp_path / "o.jsonl")
    done = CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(tmp_path / "r"), "--holdout", "0.3"])
    assert done.exit_code == 0, done.output
    assert "learned 2 models" in done.stdout
    assert "on the prompts that were held back" in done.stdout
    assert f"wrote {tmp_path / 'r'}" in done.stdout
    assert load(tmp_path / "r").knows("tiny")


def test_nothing_held_back_is_nothing_measured(tmp_path: Path) -> None:
    data = outcomes(tmp_path / "o.jsonl")
    done = CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(tmp_path / "r")])
    assert "so nothing was measured; --holdout 0.2 does" in done.stdout


def test_json_is_the_manifest_and_models_can_be_named(tmp_path: Path) -> None:
    arguments = ["train", "--data", str(outcomes(tmp_path / "o.jsonl")), "--out", str(tmp_path / "r")]
    done = CliRunner().invoke(app, [*arguments, "--models", " tiny,", "--seed", "4", "--json"])
    assert done.exit_code == 0, done.output
    manifest = json.loads(done.stdout)
    assert [model["name"] for model in manifest["models"]] == ["tiny"]
    assert manifest["training"]["seed"] == 4
    assert not done.stderr


@pytest.mark.parametrize("holdout", ["-0.1", "1"])
def test_a_holdout_out_of_range_is_a_usage_error(tmp_path: Path, holdout: str) -> None:
    done = CliRunner().invoke(app, ["train", "--data", "x", "--out", str(tmp_path / "r"), "--holdout", holdout])
    assert done.exit_code == 2


def test_bad_data_is_a_message_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "p", "model": "m", "score": 7}\n')
    monkeypatch.setattr(sys, "argv", ["gearshift", "train", "--data", str(bad), "--out", str(tmp_path / "r")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "row 1, column score: found 7.0" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "r").exists()
