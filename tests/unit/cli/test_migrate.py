from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.errors import ConfigError
from tests.unit.migration.litellm.scene import CONFIGS

SOURCE = """
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-5.5, api_key: sk-made-up-secret-1, rpm: 6}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
USER = '{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(SOURCE)
    return tmp_path


def test_it_writes_a_config_that_check_passes_once_its_variables_are_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["import", "litellm", "config.yaml"])

    assert done.exit_code == 0, done.output
    assert "wrote gearshift.yaml (1 providers, 1 models, 1 routers); next: gearshift check" in done.stdout
    assert "model_list[0].litellm_params.api_key (line 4): found a secret (not shown)" in done.stdout
    assert "To do: put it into the variable OPENAI_KEY" in done.stdout
    assert "sk-made-up" not in done.output + (folder / "gearshift.yaml").read_text()
    assert CliRunner().invoke(app, ["check"]).exit_code == 3  # OPENAI_KEY is not set
    monkeypatch.setenv("OPENAI_KEY", "x")
    assert CliRunner().invoke(app, ["check"]).exit_code == 0


def test_json_holds_the_config_and_the_list(folder: Path) -> None:
    done = CliRunner().invoke(app, ["import", "litellm", "config.yaml", "--out", "ours.yml", "--json"])

    told = json.loads(done.stdout)
    assert set(told) == {"config", "written", "not_carried", "assumptions"}
    assert told["written"] == "ours.yml"
    assert (folder / "ours.yml").is_file()
    assert told["config"]["models"] == {"chat": {"deployments": [{"provider": "openai", "name": "gpt-5.5"}]}}
    assert [each["where"] for each in told["not_carried"]] == [
        "model_list[0].litellm_params.api_key",
        "model_list[0].litellm_params.rpm",
    ]
    assert set(told["not_carried"][0]) == {"where", "file", "line", "found", "why", "do"}
    assert told["not_carried"][0]["line"] == 4
    assert "sk-made-up" not in done.output


def test_a_file_that_is_there_is_kept_unless_forced(folder: Path) -> None:
    (folder / "gearshift.yaml").write_text("mine")

    refused = CliRunner().invoke(app, ["import", "litellm", "config.yaml"])

    assert refused.exit_code == 1
    assert "found gearshift.yaml already there; name another file or pass --force" in refused.stderr
    assert (folder / "gearshift.yaml").read_text() == "mine"
    assert CliRunner().invoke(app, ["import", "litellm", "config.yaml", "--force"]).exit_code == 0
    assert "providers:" in (folder / "gearshift.yaml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["litellm", "config.yaml", "--out", "config.yaml", "--force"],
        [],
        ["litellm"],
        ["litellm", "config.yaml", "--out", "x.toml"],
        ["helicone", "config.yaml"],
    ],
)
def test_usage_is_explained(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["import", *arguments]).exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found nothing at the top"),
        (b"- a", "found a list at the top"),
        (b"model_list: []", "found no model that Gearshift can serve"),
        (b"a: b: c", "line 1, column 5: found invalid YAML"),
        (b"\xff\xfe", "found bytes that are not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "found more than 1048576 bytes"),
        (BOMB.encode(), "stand for more than 100000 values"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"a: &a [*a]", "stand for more than 100000 values"),
        (b"a: 1\na: 2", "the key 'a' is said twice"),
        (b"1: 2", "the key '1' is no text"),
        (b"a: !!python/object/apply:os.system [ls]", "found invalid YAML"),
    ],
)
def test_a_hostile_file_is_a_clear_error(folder: Path, content: bytes, said: str) -> None:
    (folder / "config.yaml").write_bytes(content)

    done = CliRunner().invoke(app, ["import", "litellm", "config.yaml"])

    assert isinstance(done.exception, ConfigError)  # `main` prints it and exits with 1
    assert said in done.exception.message
    assert not (folder / "gearshift.yaml").exists()


@pytest.mark.parametrize(("name", "said"), [("missing.yaml", "found no file"), (".", "found a directory or device")])
def test_a_path_that_is_no_file_is_a_clear_error(name: str, said: str) -> None:
    done = CliRunner().invoke(app, ["import", "litellm", name])

    assert isinstance(done.exception, ConfigError)
    assert said in done.exception.message


def test_files_that_it_includes_are_read_too(folder: Path) -> None:
    (folder / "deeper").mkdir()
    (folder / "config.yaml").write_text("include: [deeper/more.yaml]\n" + SOURCE)
    more = (
        "include: [../config.yaml]\nmodel_list:\n  - model_name: other\n    litellm_params: {model: groq/x, rpm: 1}\n"
    )
    (folder / "deeper" / "more.yaml").write_text(more)

    done = CliRunner().invoke(app, ["import", "litellm", "config.yaml"])

    assert done.exit_code == 0, done.output
    assert "model_list[0].litellm_params.rpm (config.yaml, line 5): found 6" in done.stdout
    assert "model_list[1].litellm_params.rpm (more.yaml, line 4): found 1" in done.stdout


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("include: [gone.yaml]", "gone.yaml: 1 fault"),
        ("include: x", "include: expected a list of file names"),
        ("include: [1]", "include: expected a list of file names"),
        ('include: ["a\\0b"]', "include: expected a list of file names"),
        ("include: [.]", "found a directory or device"),
    ],
)
def test_what_cannot_be_included_is_a_clear_error(folder: Path, stated: str, said: str) -> None:
    (folder / "config.yaml").write_text(stated + SOURCE)

    done = CliRunner().invoke(app, ["import", "litellm", "config.yaml"])

    assert isinstance(done.exception, ConfigError)
    assert said in done.exception.message


def test_files_without_end_are_refused(folder: Path) -> None:
    for number in range(25):
        (folder / f"{number}.yaml").write_text(f"include: [{number + 1}.yaml]")

    done = CliRunner().invoke(app, ["import", "litellm", "0.yaml"])

    assert isinstance(done.exception, ConfigError)
    assert "more than 20 files" in done.exception.message


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_check_passes_every_documented_shape(folder: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "more_models.yaml").write_text(SOURCE)  # one of them includes it
    (folder / "config.yaml").write_text(path.read_text("utf-8"))
    assert CliRunner().invoke(app, ["import", "litellm", "config.yaml"]).exit_code == 0
    text = (folder / "gearshift.yaml").read_text()
    for name in (*re.findall(r"env:(\w+)", text), "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    for name in re.findall(r"credentials: env:(\w+)", text):
        monkeypatch.setenv(name, USER)

    done = CliRunner().invoke(app, ["check"])

    assert done.exit_code == 0, done.output
