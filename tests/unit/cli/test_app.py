from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift import __version__
from gearshift.cli.app import app, main

COMMANDS = (
    *("serve", "init", "check", "demo", "route", "models", "train", "predict", "evaluate", "replay"),
    *("promote", "rollback", "export", "bench"),
)


def test_every_command_has_help_that_says_what_it_does() -> None:
    listed = CliRunner().invoke(app, ["--help"]).stdout
    for command in COMMANDS:
        assert command in listed
        shown = CliRunner().invoke(app, [command, "--help"])
        assert shown.exit_code == 0
        assert "Usage" in shown.stdout


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"gearshift {__version__}\n"


def test_an_error_on_purpose_is_a_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gearshift", "serve", "--config", "nowhere.yaml"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("gearshift: ")
    assert "nowhere.yaml" in said
    assert "Traceback" not in said


def test_a_path_that_cannot_be_used_is_a_message_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "nowhere" / "gearshift.yaml"
    monkeypatch.setattr(sys, "argv", ["gearshift", "init", str(place)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"gearshift: {place}: found no such file or directory; expected")
    assert "Traceback" not in said
