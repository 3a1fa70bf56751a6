from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gearshift.cli.app import app
from gearshift.errors import ConfigError, DataError
from gearshift.types.record import Feedback
from tests.fakes.house import open_store
from tests.fakes.nouns import attempt, decision, deployment, exchange

SMALL, LARGE = deployment("small"), deployment("large")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a week's log of a router that drew large with 0.3, as `serve` leaves it."""
    dice, now = random.Random(1), time.time()
    store = open_store(tmp_path)
    for number in range(600):
        large = dice.random() < 0.3
        first, second, propensity = (LARGE, SMALL, 0.3) if large else (SMALL, LARGE, 0.7)
        drawn = decision(
            first, second, quality=0.7, policy="weighted", reason="weighted", propensity=propensity, config="c"
        )
        store.append(
            exchange(
                f"gx-{number}",
                [attempt(deployment=first)],
                decision=drawn,
                created=now - number,
                cost=9_000_000 if large else 1_000_000,
            )
        )
        store.feedback(Feedback(created=now, score=0.9 if large else 0.6, exchange_id=f"gx-{number}"))
    store.append(exchange("gx-old", created=now - 30 * 86_400, decision=decision(SMALL, LARGE, reason="weighted")))
    store.append(exchange("gx-named", created=now))
    store.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replay(*arguments: str, policy: str = "weights: {small: 0.2, large: 0.8}") -> Result:
    Path("policy.yaml").write_text(policy)
    return CliRunner().invoke(app, ["replay", "--policy", "policy.yaml", *arguments])


@pytest.mark.usefixtures("folder")
def test_the_report_says_what_changes_and_what_it_would_cost() -> None:
    done = replay("--since", "7d")
    assert done.exit_code == 0, done.output
    for part in (
        "router auto, the last 7d",
        "600 rows replayed, 1 left out",
        "lab/small -> lab/large",
        "doubly robust",
    ):
        assert part in done.output


@pytest.mark.usefixtures("folder")
def test_json_has_the_same() -> None:
    found = json.loads(replay("--json").output)
    assert found["rows"] == 600
    assert found["left_out"] == {"not_chosen": 1}
    assert found["moves"][0]["from"] == "lab/small"
    dr = found["quality"]["dr"]["value"]
    assert dr["low"] <= 0.84 <= dr["high"]
    assert found["cost"]["snips"]["difference"]["value"] > 0


@pytest.mark.usefixtures("folder")
def test_what_is_refused_exits_with_3_and_still_tells_the_log() -> None:
    done = replay("--since", "30s")
    assert done.exit_code == 3
    assert "refused: found" in done.output
    assert "effective samples" in done.output


@pytest.mark.usefixtures("folder")
def test_faults_of_the_policy_are_told_at_once() -> None:
    done = replay(policy="weights: {smal: 1}\ncandidates: [huge]")
    assert isinstance(done.exception, ConfigError)
    assert len(done.exception.faults) == 2


@pytest.mark.usefixtures("folder")
def test_a_router_without_rows_is_told_who_has_some() -> None:
    done = replay("--router", "canary")
    assert isinstance(done.exception, DataError)
    assert "found no choice of router canary" in done.exception.message
    assert "auto (601 rows)" in done.exception.message


@pytest.mark.usefixtures("folder")
def test_a_predictor_needs_prompts_in_the_log() -> None:
    done = replay(policy="{objective: {cost_tier: low}, predictor: builtin}")
    assert isinstance(done.exception, DataError)
    assert "600 no prompt to forecast from" in done.exception.message


def test_without_a_log_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = replay()
    assert isinstance(done.exception, DataError)
    assert "found no log at gearshift.db" in done.exception.message
