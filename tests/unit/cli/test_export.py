from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.cli.export import COLUMNS
from gearshift.types.catalog import Deployment, Provider
from gearshift.types.chat import Usage
from gearshift.types.record import Attempt, Exchange, Feedback
from tests.fakes.house import open_store

LAB = Provider(id="lab", protocol="openai_chat", base_url="http://127.0.0.1:9/v1")
SMALL = Deployment(id="lab/small", model="small", name="small", provider=LAB)


def exchange(number: int, *, answered: bool = True) -> Exchange:
    attempt = Attempt(
        id=f"gx-{number}-1",
        deployment=SMALL,
        started=0.0,
        first_token=0.1,
        ended=0.2,
        usage=Usage(input_tokens=3, output_tokens=4),
        cost=1_500_000,
        billing="billed",
    )
    return Exchange(
        id=f"gx-{number}",
        created=1000.0 + number,
        protocol="openai_chat",
        path="/v1/chat/completions",
        requested_model="auto",
        key=None,
        stream=False,
        outcome="completed" if answered else "failed",
        status=200 if answered else 502,
        error=None if answered else "upstream_error",
        decision=None,
        attempts=(attempt,) if answered else (),
        cost=1_500_000 if answered else None,
        baseline_cost=None,
        duration=0.2,
        first_token=0.1,
        overhead=0.001,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with the log of a gateway, as `serve` leaves it in its working folder."""
    store = open_store(tmp_path)
    store.append(exchange(1))
    store.append(exchange(2))
    store.append(exchange(3, answered=False))
    store.feedback(Feedback(created=2000.0, score=0.5, exchange_id="gx-2"))
    store.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_json_lines_hold_every_answered_exchange_with_unknown_as_null(folder: Path) -> None:
    done = CliRunner().invoke(app, ["export", "--out", "log.jsonl"])
    assert done.exit_code == 0, done.output
    assert "left out 1 exchanges that no model answered" in done.output
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["prompt_id"] for row in rows] == ["gx-1", "gx-2"]
    assert [row["score"] for row in rows] == [None, 0.5]
    assert rows[0]["cost_usd"] == 0.0015
    assert rows[0]["prompt"] is None
    assert set(rows[0]) == set(COLUMNS)


def test_parquet_holds_the_same(folder: Path) -> None:
    done = CliRunner().invoke(app, ["export", "--out", "log.parquet", "--json"])
    assert json.loads(done.output) == {"rows": 2, "file": "log.parquet", "unanswered": 1}
    rows = pq.read_table(folder / "log.parquet").to_pylist()
    assert [row["score"] for row in rows] == [None, 0.5]
    assert list(rows[0]) == list(COLUMNS)


def test_since_leaves_out_what_is_older(folder: Path) -> None:
    CliRunner().invoke(app, ["export", "--out", "log.jsonl", "--since", "1d"])
    assert (folder / "log.jsonl").read_text() == ""


def test_scored_leaves_out_what_nobody_judged(folder: Path) -> None:
    CliRunner().invoke(app, ["export", "--out", "log.jsonl", "--scored"])
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["prompt_id"] for row in rows] == ["gx-2"]
