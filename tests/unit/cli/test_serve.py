from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.cli.serve import start_demo


def test_the_demo_providers_are_started_with_their_config_and_described(tmp_path: Path) -> None:
    async def start() -> tuple[list[str], list[str], str]:
        async with AsyncExitStack() as stack:
            config, notes = await start_demo(stack, {}, store=f"sqlite:///{tmp_path / 'log.db'}")
            return list(config.models), notes, config.store

    models, notes, store = asyncio.run(start())
    assert {"calc", "docs", "sim-frontier"} <= set(models)
    assert any("SIMULATED" in note for note in notes)
    assert store.endswith("log.db")


def test_a_config_that_is_not_there_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["serve", "--config", "nowhere.yaml"])
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_more_processes_than_one_are_refused_in_words() -> None:
    done = CliRunner().invoke(app, ["serve", "--workers", "4"])
    assert done.exit_code == 2
    assert "start one gateway per port" in " ".join(done.output.replace("│", " ").split())


def test_a_port_that_is_none_is_refused_by_the_name_of_its_flag() -> None:
    done = CliRunner().invoke(app, ["serve", "--port", "99999"])
    assert done.exit_code == 2
    assert "--port" in done.output
