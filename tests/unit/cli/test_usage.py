from __future__ import annotations

import pytest

from gearshift.cli import usage as command
from gearshift.cli.usage import usage

USED = {
    "model": "small",
    "attempts": 1200,
    "input_tokens": 10,
    "output_tokens": 5,
    "cost_usd": 0.5,
    "unknown_attempts": 2,
}


class Told:
    def get(self, path: str, query: dict[str, object]) -> dict[str, object]:
        assert (path, query["by"]) == ("/usage", "model")
        return {"usage": [USED]}


def test_unknown_costs_stand_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "client", lambda _url, _file: Told())
    usage(by="model", since=None, url=None, config=None, as_json=False)
    heads, row = capsys.readouterr().out.splitlines()
    assert heads.split() == ["model", "calls", "input", "output", "USD", "not", "known"]
    assert row.split() == ["small", "1,200", "10", "5", "0.500000", "2", "calls"]
