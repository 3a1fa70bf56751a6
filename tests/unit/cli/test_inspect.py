from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without any provider's key: the demo's config is used, and nobody is called."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_route_explains_in_text_and_json() -> None:
    text = CliRunner().invoke(app, ["route", "What is 17 * 23?"])
    assert text.exit_code == 0, text.output
    assert "router auto: " in text.stdout
    decision = json.loads(CliRunner().invoke(app, ["route", "What is 17 * 23?", "--json"]).stdout)
    assert decision["chosen"] in text.stdout
    assert all(0 <= each["quality"] <= 1 for each in decision["candidates"])


def test_route_can_name_a_model() -> None:
    decision = json.loads(CliRunner().invoke(app, ["route", "x", "--router", "calc", "--json"]).stdout)
    assert decision["chosen"] == "demo/calc"
    assert decision["reason"] == "named"


def test_models_label_what_is_simulated() -> None:
    text = CliRunner().invoke(app, ["models"])
    assert "simulated/sim-frontier SIMULATED" in text.stdout
    assert json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)[0]["price"]["source"] == "config"


def test_a_dry_run_without_its_router_names_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gearshift.yaml").write_text(
        'providers: {lab: {protocol: openai_chat, base_url: "http://127.0.0.1:9/v1"}}\n'
        "models: {small: {deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}}\n"
        "routers: {mine: {candidates: [small]}}\n"
    )
    done = CliRunner().invoke(app, ["route", "Hello", "--router", "nobody"])
    assert "routers here: " in str(done.exception)
    assert "mine" in str(done.exception)
