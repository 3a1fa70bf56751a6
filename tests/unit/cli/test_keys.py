"""Keys without a gateway; with one: `tests/e2e/test_keys.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.server.auth import digest_of
from gearshift.storage.directory import Directory
from gearshift.storage.sqlite import SQLite
from tests.fakes.upstream import closed_port


def test_where_no_gateway_runs_a_key_is_made_in_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gearshift.yaml").write_text(
        f"server: {{port: {closed_port()}}}\n"
        'providers: {lab: {protocol: openai_chat, base_url: "http://127.0.0.1:1/v1"}}\n'
        "models: {small: {deployments: [{provider: lab}]}}\n"
    )
    done = CliRunner().invoke(app, ["keys", "create", "--name", "first", "--model", "sm*", "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.output)
    assert {"id", "name", "key"} <= set(made)
    database = SQLite(tmp_path / "gearshift.db")
    callers = Directory(database, lambda: 0.0).callers()
    database.close()
    assert callers[digest_of(made["key"])].scopes.models == ("sm*",)
