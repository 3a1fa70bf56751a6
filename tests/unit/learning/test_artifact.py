from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load as parse_tensors
from safetensors.numpy import save as dump_tensors

from gearshift.errors import ArtifactError
from gearshift.learning.artifact import (
    MANIFEST,
    TENSORS,
    Artifact,
    builtin_path,
    demo_path,
    load,
    locate,
    own_path,
    read,
    ships,
)
from gearshift.learning.evaluation import recorded
from gearshift.learning.features import as_request


@pytest.fixture
def saved(trained: Artifact, tmp_path: Path) -> Path:
    return trained.save(tmp_path / "router")


def resign(folder: Path, **tensors: np.ndarray[Any, Any]) -> None:
    """Change tensors and make the hash right again: what somebody who wants to do harm would do."""
    content = dump_tensors({**parse_tensors((folder / TENSORS).read_bytes()), **tensors})
    (folder / TENSORS).write_bytes(content)
    edit(folder, lambda manifest: manifest["files"].update({TENSORS: hashlib.sha256(content).hexdigest()}))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def refused(folder: Path) -> str:
    with pytest.raises(ArtifactError) as raised:
        load(folder)
    assert str(folder) in raised.value.message
    return raised.value.message


def test_what_was_saved_forecasts_the_same(trained: Artifact, saved: Path) -> None:
    deployments = [recorded(name, None) for name in (*trained.parameters.models, "unseen")]
    found = load(saved)
    request = as_request("prove the lemma amber")
    assert found.predict(request, deployments) == trained.predictor().predict(request, deployments)
    assert found.version == trained.predictor().version
    assert read(saved).manifest.training == trained.manifest.training


def test_the_folder_holds_two_files_and_no_leftovers(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {MANIFEST, TENSORS}
    assert [path.name for path in saved.parent.iterdir()] == ["router"]


def test_saving_again_replaces_an_artefact_and_nothing_else(trained: Artifact, saved: Path, tmp_path: Path) -> None:
    before = (saved / MANIFEST).read_bytes()
    trained.save(saved)
    assert (saved / MANIFEST).read_bytes() == before
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(ArtifactError, match="found something that is no artefact"):
        trained.save(tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep"
    assert {path.name for path in tmp_path.iterdir()} == {"router", "notes"}


def test_saving_that_fails_leaves_the_old_artefact(
    trained: Artifact, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (saved / MANIFEST).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        trained.save(saved)
    assert (saved / MANIFEST).read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["router"]


def test_no_folder_is_refused(tmp_path: Path) -> None:
    assert "found no folder" in refused(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    assert "found no folder" in refused(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert "manifest.json: found no regular file" in refused(tmp_path / "empty")


def test_a_changed_or_cut_file_is_refused(saved: Path) -> None:
    content = (saved / TENSORS).read_bytes()
    (saved / TENSORS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "found SHA-256" in refused(saved)
    (saved / TENSORS).write_bytes(content[: len(content) // 2])
    assert "found SHA-256" in refused(saved)


def test_an_extra_or_missing_file_is_refused(saved: Path) -> None:
    (saved / "setup.py").write_text("print('hello')")
    assert "found the files ['manifest.json', 'model.safetensors', 'setup.py']" in refused(saved)
    (saved / "setup.py").unlink()
    edit(saved, lambda manifest: manifest["files"].update({"../outside": "0" * 64}))
    assert "../outside" in refused(saved)
    (saved / TENSORS).unlink()
    assert "found the files ['manifest.json']" in refused(saved)


@pytest.mark.parametrize("name", [MANIFEST, TENSORS])
def test_a_link_is_refused_whatever_it_leads_to(saved: Path, tmp_path: Path, name: str) -> None:
    (saved / name).rename(tmp_path / "real")
    (saved / name).symlink_to(tmp_path / "real")
    assert "found no regular file" in refused(saved)


def test_a_pipe_or_folder_instead_of_a_file_is_refused(saved: Path) -> None:
    (saved / TENSORS).unlink()
    os.mkfifo(saved / TENSORS)
    assert "found no regular file" in refused(saved)
    (saved / TENSORS).unlink()
    (saved / TENSORS).mkdir()
    assert "found no regular file" in refused(saved)


def test_another_schema_is_refused_before_anything_else(saved: Path) -> None:
    (saved / MANIFEST).write_text('{"schema": 1, "hello": []}')
    assert "found schema 1, expected 2" in refused(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 2}', b"\xff", b"[" * 100_000, b'{"schema": "2"}'])
def test_a_broken_manifest_is_refused(saved: Path, content: bytes) -> None:
    (saved / MANIFEST).write_bytes(content)
    assert "found no valid manifest" in refused(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"buckets": 4095},
        {"buckets": 2**40},
        {"buckets": 0},
        {"version": 1},
        {"tail": -1},
        {"head": 2**60},
    ],
)
def test_features_of_another_kind_are_refused(saved: Path, change: dict[str, int]) -> None:
    edit(saved, lambda manifest: manifest["features"].update(change))
    assert "found features" in refused(saved)


def test_other_word_vectors_are_refused(saved: Path) -> None:
    edit(saved, lambda manifest: manifest["features"].update(words="0" * 64))
    assert "found word vectors 0000" in refused(saved)


def test_without_a_task_nothing_is_served(saved: Path) -> None:
    edit(saved, lambda manifest: manifest.update(tasks=[]))
    assert "0 tasks" in refused(saved)


def test_names_must_be_distinct_and_aliases_of_something(saved: Path) -> None:
    edit(saved, lambda manifest: manifest["aliases"].update({"x": "nobody"}))
    assert "an alias of none" in refused(saved)
    edit(saved, lambda manifest: manifest.update(aliases={}, models=[manifest["models"][0]] * 3))
    assert "found a model twice" in refused(saved)


def test_no_number_may_be_missing(saved: Path) -> None:
    resign(saved, ability=np.array([0.1, np.nan, 0.2], np.float32))
    assert "found NaN or infinity in ability" in refused(saved)


@pytest.mark.parametrize(
    "tensors",
    [
        {"ability": np.zeros(4, np.float32)},
        {"ability": np.zeros(3, np.float64)},
        {"weights": np.zeros((8, 11), np.float16)},
        {"bias": np.zeros(2, np.float32)},
        {"scale": np.zeros((3, 1), np.float32)},
        {"mix": np.zeros((3, 9), np.float16)},
        {"trust": np.zeros((2, 2), np.float32)},
        {"seen": np.zeros((2, 3), np.float32)},
    ],
)
def test_shapes_and_types_must_be_those_of_the_manifest(saved: Path, tensors: dict[str, np.ndarray[Any, Any]]) -> None:
    resign(saved, **tensors)
    assert "expected" in refused(saved)


def test_unknown_tensors_are_refused(saved: Path) -> None:
    resign(saved, extra=np.zeros(1, np.float32))
    assert "'extra'" in refused(saved)


def test_a_header_that_promises_too_much_is_refused(saved: Path) -> None:
    header = json.dumps({"weights": {"dtype": "F16", "shape": [2**40, 2**20], "data_offsets": [0, 2**61]}}).encode()
    content = len(header).to_bytes(8, "little") + header
    (saved / TENSORS).write_bytes(content)
    edit(saved, lambda manifest: manifest["files"].update({TENSORS: hashlib.sha256(content).hexdigest()}))
    assert "found no safetensors" in refused(saved)


def test_too_large_a_file_is_refused_unread(saved: Path) -> None:
    with (saved / MANIFEST).open("r+b") as file:
        file.truncate(2**34)
    assert "expected at most" in refused(saved)


def test_the_builtin_artefact_is_sound_and_says_where_it_comes_from() -> None:
    found = read(builtin_path())
    assert found.manifest.metrics
    assert {source["licence"] for source in found.manifest.sources} == {"Apache-2.0", "MIT"}
    assert found.manifest.calibration is None
    assert sum(path.stat().st_size for path in builtin_path().iterdir()) < 6_000_000
    assert found.predictor().knows("openai/gpt-4o-mini")
    assert msgspec.json.encode(found.manifest)


def test_the_demo_has_its_own_place() -> None:
    assert demo_path().parent == builtin_path().parent


@pytest.mark.parametrize("found", [{"margin": 0.1}, [{"margin": 0.1}], [None], "0.1"])
def test_a_calibration_that_is_not_one_is_refused(saved: Path, found: object) -> None:
    edit(saved, lambda manifest: manifest.update(calibration=found))
    assert "calibration" in refused(saved)


def test_the_artefact_that_ships_has_a_name_and_is_not_written_to(tmp_path: Path) -> None:
    assert locate(Path("builtin")) == builtin_path()
    assert locate(tmp_path) == own_path(tmp_path) == tmp_path
    assert (ships(builtin_path()), ships(tmp_path)) == (True, False)
    with pytest.raises(ArtifactError, match="expected a folder of your own"):
        own_path(Path("builtin"))
