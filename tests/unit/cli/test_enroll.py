from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.errors import DataError
from gearshift.learning.artifact import read
from gearshift.learning.training import train_rows


@pytest.fixture
def outcomes(tmp_path: Path) -> Path:
    rows = [
        {"prompt": f"{'prove' if number % 2 else 'greet'} {number}", "prompt_id": f"p{number}", "model": model}
        | {"score": float(model == "large" or number % 2 == 0), "cost_usd": 0.001, "task": "made"}
        for number in range(60)
        for model in ("small", "large", "fresh")
    ]
    train_rows([row for row in rows if row["model"] != "fresh"], tmp_path / "router")
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


def run(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["enroll", *map(str, arguments)])
    if isinstance(found.exception, DataError):
        raise found.exception
    return found.exit_code, found.output


def test_a_model_joins_the_artefact(outcomes: Path) -> None:
    router = outcomes.parent / "router"
    code, text = run("fresh", "--artifact", router, "--data", outcomes)
    assert code == 0
    assert "enrolled fresh from 60 outcomes" in text
    assert read(router).parameters.models == ("large", "small", "fresh")


def test_another_folder_leaves_the_artefact_as_it_was(outcomes: Path) -> None:
    router, other = outcomes.parent / "router", outcomes.parent / "other"
    code, text = run("fresh", "--artifact", router, "--data", outcomes, "--out", other, "--json")
    found = json.loads(text)
    assert code == 0
    assert (found["model"], found["outcomes"], found["models"]) == ("fresh", 60, 3)
    assert found["version"] == read(other).predictor().version
    assert read(router).parameters.models == ("large", "small")


def test_suggested_prompts_are_rows_that_lack_a_score(outcomes: Path) -> None:
    router = outcomes.parent / "router"
    code, text = run("fresh", "--artifact", router, "--data", outcomes, "--suggest", 5)
    rows = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert len({row["prompt_id"] for row in rows}) == 5
    assert all(row["model"] == "fresh" and row["prompt"] and "score" not in row for row in rows)
    answered = outcomes.parent / "answered.jsonl"
    answered.write_bytes(b"\n".join(msgspec.json.encode({**row, "score": 1.0}) for row in rows))
    assert run("fresh", "--artifact", router, "--data", answered, "--input-price", 1, "--output-price", 2)[0] == 0
    assert read(router).manifest.models[-1].charge.output_price == 2


def test_a_conversation_is_suggested_whole(outcomes: Path) -> None:
    turns = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "greet 7"}]
    path = outcomes.parent / "turns.jsonl"
    path.write_bytes(msgspec.json.encode({"messages": turns, "prompt_id": "t"}))
    _, text = run("fresh", "--artifact", outcomes.parent / "router", "--data", path, "--suggest", 1)
    assert json.loads(text)["messages"] == turns


def test_one_price_alone_is_refused(outcomes: Path) -> None:
    code, text = run("fresh", "--artifact", outcomes.parent / "router", "--data", outcomes, "--input-price", 1)
    assert code == 2
    assert "add --output-price" in " ".join(text.split())


def test_a_model_without_outcomes_is_refused(outcomes: Path) -> None:
    with pytest.raises(DataError, match="expected some of absent"):
        run("absent", "--artifact", outcomes.parent / "router", "--data", outcomes)
