from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app

GOOD = """
providers:
  lab: {protocol: openai_chat, base_url: "http://127.0.0.1:9/v1"}
models:
  small: {capabilities: [], deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}
  odd: {capabilities: [], deployments: [{provider: lab}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_config_shows_its_prices_and_names_the_unknown_ones(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text(GOOD)
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 0, done.output
    assert "lab/small" in done.stdout
    assert "price unknown, so routers skip them: lab/odd" in done.stderr
    shown = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)
    assert (shown["ok"], shown["faults"], shown["probes"]) == (True, [], {})
    assert shown["deployments"][0]["price"]["rates"]["input"] == 100_000_000
    assert shown["deployments"][1]["price"] is None


def test_a_probe_is_part_of_the_report(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text(GOOD)
    said = CliRunner().invoke(app, ["check", "--probe"])
    shown = CliRunner().invoke(app, ["check", "--probe", "--json"])
    assert (said.exit_code, shown.exit_code) == (3, 3)
    assert "probe lab/small: no connection" in said.stdout
    report = json.loads(shown.stdout)
    assert (report["ok"], report["faults"]) == (False, [])
    assert report["probes"]["lab/odd"].startswith("no connection")


EVERYTHING_WRONG = """
providers:
  lab: {protocol: openai_chat, base_url: "http://127.0.0.1:9/v1", key: "env:NO_SUCH_KEY"}
models:
  small: {capabilities: [], deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}
routers: {auto: {candidates: [small], predictor: nowhere}}
server: {port: 0, keys: ["env:NO_SUCH_CALLER"]}
store: sqlite:////no/such/folder/log.db
"""


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("also", ["", "surplus: 1\n"])
def test_whatever_is_wrong_is_said_in_one_report(folder: Path, command: str, also: str) -> None:
    (folder / "gearshift.yaml").write_text(EVERYTHING_WRONG + also)
    done = CliRunner().invoke(app, [command])
    said = done.stderr + getattr(done.exception, "message", "")
    wanted = ["server.keys[0]: ", "providers.lab.key: ", "routers.auto.predictor: "]
    wanted.append("surplus: " if also else "store: found no folder /no/such/folder")
    assert [each for each in wanted if f"  - {each}" not in said] == []
    assert "4 faults; nothing was started" in said


def test_faults_are_json_where_json_is_asked_for(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text(EVERYTHING_WRONG)
    done = CliRunner().invoke(app, ["check", "--json"])
    report = json.loads(done.stdout)
    assert (done.exit_code, report["ok"], len(report["faults"])) == (3, False, 4)
    assert done.stderr == ""


def test_faults_end_with_exit_code_3(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text(
        GOOD.replace("input: 0.1", "input: -1").replace("provider: lab}", "provider: lob}")
    )
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 3
    assert "2 faults; nothing was started" in done.stderr


def test_an_artefact_that_is_not_there_is_a_fault(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text(GOOD + "routers: {auto: {candidates: [small], predictor: nowhere}}\n")
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 3
    assert "routers.auto.predictor" in done.stderr


def test_init_writes_a_config_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    text = (folder / "gearshift.yaml").read_text()
    assert "env:OPENAI_API_KEY" in text
    assert "sk-made-up" not in text
    assert CliRunner().invoke(app, ["check"]).exit_code == 0
    again = CliRunner().invoke(app, ["init"])
    assert again.exit_code == 1
    assert "--force" in again.stderr


def test_init_without_a_key_says_that_it_wrote_an_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.cli.check.os.environ", {})
    done = CliRunner().invoke(app, ["init", str(folder / "new.yaml")])
    assert (done.exit_code, "found no provider key" in done.stderr) == (0, True)


def test_init_writes_yaml_only(folder: Path) -> None:
    done = CliRunner().invoke(app, ["init", "gearshift.toml"])
    assert done.exit_code == 2
    assert "ends in .yaml or .yml" in " ".join(done.output.replace("│", " ").split())
    assert not (folder / "gearshift.toml").exists()


def test_who_will_be_asked_for_models_is_named(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text('providers: {ollama: {base_url: "http://127.0.0.1:9/v1"}}\n')
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, done.stderr) == (0, "asked for their models when the gateway starts: ollama\n")


def test_models_can_be_asked_for(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text('providers: {ollama: {base_url: "http://127.0.0.1:9/v1"}}\n')
    done = CliRunner().invoke(app, ["models", "--discover", "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    assert done.stderr.startswith("ollama: its models could not be listed: no connection")
