from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from gearshift.cli import budgets as command
from gearshift.cli.app import app

MADE = {
    "id": "lim_1",
    "scope": "team",
    "value": "red",
    "unit": "usd",
    "limit": 5.0,
    "per": "month",
    "rolling": True,
    "mode": "strict",
}


class Told:
    """Be a gateway that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def post(self, path: str, body: object) -> dict[str, object]:
        self.said.append((path, body))
        return MADE

    def patch(self, path: str, body: object) -> dict[str, object]:
        return self.post(path, body)

    def get(self, path: str) -> dict[str, object]:
        del path
        return {"budgets": [{**MADE, "used": 1.0, "held": 0.5, "left": 3.5}]}

    def delete(self, path: str) -> dict[str, object]:
        return {"deleted": path.rpartition("/")[2]}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told()
    monkeypatch.setattr(command, "client", lambda _url, _file: made)
    return made


def test_options_become_what_the_api_is_told(told: Told) -> None:
    options = ["--scope", "team", "--value", "red", "--usd", "5", "--per", "month", "--rolling", "--strict"]
    done = CliRunner().invoke(app, ["budgets", "create", *options])
    assert (done.exit_code, done.output) == (0, "lim_1  team red: 5.0 usd a month (rolling), strict\n")
    ((path, body),) = told.said
    assert path == "/budgets"
    assert body == {
        "scope": "team",
        "value": "red",
        "unit": "usd",
        "usd": 5.0,
        "per": "month",
        "rolling": True,
        "mode": "strict",
        "on_loss": "closed",
    }


def test_limits_are_listed_with_where_they_stand(told: Told) -> None:
    assert "1.0 used, 0.5 held, 3.5 left" in CliRunner().invoke(app, ["budgets", "list"]).output
    shown = CliRunner().invoke(app, ["budgets", "list", "--json"]).output
    assert json.loads(shown)[0]["id"] == "lim_1"
    CliRunner().invoke(app, ["budgets", "update", "lim_1", "--usd", "7"])
    assert told.said == [("/budgets/lim_1", {"usd": 7.0})]
    assert "deleted lim_1" in CliRunner().invoke(app, ["budgets", "delete", "lim_1"]).output
