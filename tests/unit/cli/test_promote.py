from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.cli.promote import refuse_packaged, shelf_of
from gearshift.config import load
from gearshift.errors import ArtifactError
from gearshift.learning import shelf
from gearshift.learning.artifact import builtin_path, demo_path, read

CONFIG = """
providers:
  lab: {protocol: openai_chat, base_url: "http://127.0.0.1:9/v1"}
models:
  calc: {deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}
  odd: {deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}
  other: {deployments: [{provider: lab, price: {input: 0.1, output: 0.4}}]}
routers:
  auto: {candidates: ["lab/*c", odd], predictor: router}
  shipped: {candidates: [calc]}
  canary: {weights: {calc: 1}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gearshift.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def other(folder: Path) -> str:
    """Save another artefact as `other`, and give its version."""
    learned = read(demo_path())
    learned = msgspec.structs.replace(learned, manifest=msgspec.structs.replace(learned.manifest, quality="other"))
    learned.save(folder / "other")
    return learned.predictor().version


def test_an_artefact_is_promoted_to_the_router_s_folder_and_back(folder: Path, other: str) -> None:
    first = CliRunner().invoke(app, ["promote", str(demo_path())])
    assert first.exit_code == 0, first.output
    shipped = read(demo_path()).predictor().version
    assert f"promoted {shipped}; router serves it" in first.stdout
    assert "before it: none" in first.stdout
    assert "never seen by this artefact, so forecast from their prices: odd" in first.stderr
    second = CliRunner().invoke(app, ["promote", "other", "--json"])
    assert json.loads(second.stdout) == {"shelf": "router", "version": other, "before": shipped, "unseen": ["odd"]}
    back = CliRunner().invoke(app, ["rollback"])
    assert back.exit_code == 0, back.output
    assert f"rolled back to {shipped}; router serves it" in back.stdout
    assert shelf.load(folder / "router").version == shipped


def test_a_shelf_can_be_named_and_then_no_config_is_needed(folder: Path) -> None:
    (folder / "gearshift.yaml").unlink()
    done = CliRunner().invoke(app, ["promote", "builtin", "--shelf", "mine", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["unseen"] == []
    assert shelf.load(folder / "mine").version == read(builtin_path()).predictor().version
    assert CliRunner().invoke(app, ["rollback", "--shelf", "mine"]).exit_code == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shipped", "routers.shipped.predictor: found builtin, which ships with Gearshift and is not switched"),
        ("canary", "routers.canary: found a router that decides by no artefact"),
        ("nobody", "found 'nobody', expected one of auto, shipped, canary"),
    ],
)
def test_a_router_that_has_nothing_to_switch_is_said(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        shelf_of(load(folder / "gearshift.yaml", {}), name)
    for arguments in (["promote", str(demo_path())], ["rollback"]):
        done = CliRunner().invoke(app, [*arguments, "--router", name])
        assert done.exit_code == 1


@pytest.mark.parametrize("packaged", [builtin_path, demo_path])
def test_what_ships_is_not_switched(packaged: Callable[[], Path]) -> None:
    with pytest.raises(ArtifactError, match="found an artefact that ships with Gearshift"):
        refuse_packaged(packaged())
