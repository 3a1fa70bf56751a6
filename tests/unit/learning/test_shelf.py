from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gearshift.errors import ArtifactError
from gearshift.learning import artifact, shelf
from gearshift.learning.artifact import MANIFEST, TENSORS, Artifact
from gearshift.learning.shelf import CURRENT, Pointer, files, is_shelf, load, promote, read_pointer, rollback

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BEFORE = '{"schema": 1, "current": "0123456789ab"}'


def made(trained: Artifact, folder: Path) -> str:
    """Save an artefact that differs from others by its folder's name; give its version."""
    learned = msgspec.structs.replace(trained, manifest=msgspec.structs.replace(trained.manifest, quality=folder.name))
    learned.save(folder)
    return learned.predictor().version


@pytest.fixture
def one(trained: Artifact, tmp_path: Path) -> str:
    return made(trained, tmp_path / "one")


@pytest.fixture
def two(trained: Artifact, tmp_path: Path) -> str:
    return made(trained, tmp_path / "two")


def cut(folder: Path) -> None:
    """Cut the tensors of an artefact short."""
    content = (folder / TENSORS).read_bytes()
    (folder / TENSORS).write_bytes(content[: len(content) // 2])


# Promoting


def test_the_first_promotion_makes_a_shelf(tmp_path: Path, one: str) -> None:
    pointer = promote(tmp_path / "one", tmp_path / "deep" / "router", at=NOON)
    assert (pointer.current, pointer.before) == (one, ())
    assert load(tmp_path / "deep" / "router").version == one
    assert {path.name for path in (tmp_path / "deep" / "router").iterdir()} == {CURRENT, one}
    written = json.loads((tmp_path / "deep" / "router" / CURRENT).read_text())
    assert written["history"] == [{"at": "2026-01-02T12:00:00+00:00", "action": "promote", "version": one}]


def test_an_artefact_that_is_promoted_over_becomes_a_shelf_that_remembers_it(
    tmp_path: Path, one: str, two: str
) -> None:
    assert load(tmp_path / "one").version == one
    pointer = promote(tmp_path / "two", tmp_path / "one", at=NOON)
    assert (pointer.current, pointer.before) == (two, (one,))
    assert load(tmp_path / "one").version == two
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}
    assert rollback(tmp_path / "one", at=NOON).current == one


def test_promoting_what_serves_changes_nothing(tmp_path: Path, one: str) -> None:
    folder = tmp_path / "router"
    first = promote(tmp_path / "one", folder, at=NOON)
    stamp = (folder / CURRENT).stat().st_mtime_ns
    assert promote(tmp_path / "one", folder, at=NOON + timedelta(days=1)) == first
    assert promote(folder / one, folder, at=NOON) == first  # a version is an artefact
    assert (folder / CURRENT).stat().st_mtime_ns == stamp


def test_a_broken_copy_is_written_anew(tmp_path: Path, one: str) -> None:
    folder = tmp_path / "router"
    promote(tmp_path / "one", folder, at=NOON)
    cut(folder / one)
    with pytest.raises(ArtifactError, match="SHA-256"):
        load(folder)
    promote(tmp_path / "one", folder, at=NOON)
    assert load(folder).version == one


def test_what_a_cut_short_promotion_left_is_no_obstacle(tmp_path: Path, one: str, two: str) -> None:
    folder = tmp_path / "router"
    (folder / two).mkdir(parents=True)
    (folder / f".{one}.x1").mkdir()
    (folder / f".{CURRENT}.x1").touch()
    assert promote(tmp_path / "one", folder, at=NOON).current == one


def test_links_to_a_shelf_are_followed(tmp_path: Path, one: str, two: str) -> None:
    (tmp_path / "router").symlink_to(tmp_path / "one")
    promote(tmp_path / "two", tmp_path / "router", at=NOON)
    assert (tmp_path / "router").is_symlink()
    assert read_pointer(tmp_path / "one").before == (one,)
    assert load(tmp_path / "router").version == two


@pytest.mark.parametrize("target", ["notes", "notes/mine.txt"])
def test_something_else_is_left_alone(tmp_path: Path, one: str, target: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(ArtifactError, match="found something else"):
        promote(tmp_path / "one", tmp_path / target, at=NOON)
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["mine.txt"]
    assert one


def test_a_shelf_is_not_an_artefact_to_promote(tmp_path: Path, one: str) -> None:
    promote(tmp_path / "one", tmp_path / "router", at=NOON)
    with pytest.raises(ArtifactError, match="name one of the versions in it"):
        promote(tmp_path / "router", tmp_path / "other", at=NOON)
    assert one


def test_a_broken_artefact_leaves_everything_as_it_was(tmp_path: Path, one: str, two: str) -> None:
    folder = tmp_path / "router"
    promote(tmp_path / "one", folder, at=NOON)
    before = (folder / CURRENT).read_bytes()
    cut(tmp_path / "two")
    with pytest.raises(ArtifactError, match="SHA-256"):
        promote(tmp_path / "two", folder, at=NOON)
    assert (folder / CURRENT).read_bytes() == before
    assert not (folder / two).exists()
    assert load(folder).version == one


def test_a_linked_file_is_refused(tmp_path: Path, one: str, two: str) -> None:
    (tmp_path / "one" / TENSORS).rename(tmp_path / "elsewhere")
    (tmp_path / "one" / TENSORS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="found no regular file"):
        promote(tmp_path / "one", tmp_path / "router", at=NOON)
    assert not (tmp_path / "router").exists()
    assert one != two


def test_a_full_disk_is_said_and_what_serves_goes_on(
    tmp_path: Path, one: str, two: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "router"
    promote(tmp_path / "one", folder, at=NOON)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "write_file", full)
    with pytest.raises(ArtifactError, match="cannot be changed"):
        promote(tmp_path / "two", folder, at=NOON)
    monkeypatch.undo()
    assert load(folder).version == one
    assert {path.name for path in folder.iterdir()} == {CURRENT, one}
    assert two


def test_only_one_changes_a_shelf_at_a_time(tmp_path: Path, one: str) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="found another promote or rollback at work"):
            promote(tmp_path / "one", tmp_path / "router", at=NOON)
    finally:
        os.close(held)
    assert promote(tmp_path / "one", tmp_path / "router", at=NOON).current == one


# Rolling back


def test_rollbacks_lead_back_in_order_and_the_history_is_kept(trained: Artifact, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    versions = [made(trained, tmp_path / name) for name in ("one", "two", "three")]
    for name in ("one", "two", "three"):
        promote(tmp_path / name, folder, at=NOON)
    assert rollback(folder, at=NOON).current == versions[1]
    assert rollback(folder, at=NOON).current == versions[0]
    with pytest.raises(ArtifactError, match=f"found no version before {versions[0]}, which serves on"):
        rollback(folder, at=NOON)
    assert promote(tmp_path / "three", folder, at=NOON).before == (versions[0],)
    done = [(switch.action, switch.version) for switch in read_pointer(folder).history]
    assert done == [
        *(("promote", version) for version in versions),
        ("rollback", versions[1]),
        ("rollback", versions[0]),
        ("promote", versions[2]),
    ]


@pytest.mark.parametrize("name", ["one", "nowhere"])
def test_without_a_shelf_there_is_no_way_back(tmp_path: Path, one: str, name: str) -> None:
    with pytest.raises(ArtifactError, match="found no shelf"):
        rollback(tmp_path / name, at=NOON)
    assert load(tmp_path / "one").version == one


def test_a_broken_version_before_is_refused(tmp_path: Path, one: str, two: str) -> None:
    promote(tmp_path / "two", tmp_path / "one", at=NOON)
    cut(tmp_path / "one" / one)
    with pytest.raises(ArtifactError, match="SHA-256"):
        rollback(tmp_path / "one", at=NOON)
    assert load(tmp_path / "one").version == two


def test_what_is_remembered_is_bounded() -> None:
    pointer = Pointer(current="0" * 12)
    for number in range(shelf.MAX_SWITCHES + 5):
        pointer = pointer.promoted(f"{number:012x}", NOON)
    assert len(pointer.history) == len(pointer.before) == shelf.MAX_SWITCHES
    assert pointer.before[-1] == f"{shelf.MAX_SWITCHES + 3:012x}"
    assert len(msgspec.json.encode(pointer)) < shelf.MAX_BYTES


# Loading


def test_another_artefact_under_a_version_s_name_is_refused(tmp_path: Path, one: str, two: str) -> None:
    folder = tmp_path / "router"
    promote(tmp_path / "one", folder, at=NOON)
    for name in (MANIFEST, TENSORS):
        (folder / one / name).write_bytes((tmp_path / "two" / name).read_bytes())
    with pytest.raises(ArtifactError, match=f"found version {two}, expected {one}"):
        load(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no valid pointer"),
        ("[]", "no valid pointer"),
        ("[" * 100_000, "no valid pointer"),
        (BEFORE.replace("1,", "2,"), "no valid pointer"),
        (BEFORE.replace("0123456789ab", "../../../etc"), "no valid pointer"),
        (BEFORE.replace("0123456789ab", "0123456789ab\\n"), "no valid pointer"),
        (BEFORE.replace("}", ', "more": 1}'), "no valid pointer"),
        (BEFORE, "found no folder"),
        (" " * (shelf.MAX_BYTES + 1), "bytes"),
    ],
)
def test_a_pointer_that_leads_nowhere_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / CURRENT).write_text(text)
    assert is_shelf(tmp_path)
    with pytest.raises(ArtifactError, match=said):
        load(tmp_path)


def test_a_pointer_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / CURRENT).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="found no regular file"):
        load(tmp_path)


def test_the_files_that_decide_are_named_whatever_is_there(tmp_path: Path, one: str) -> None:
    folder = tmp_path / "router"
    bare = (folder / CURRENT, folder / MANIFEST, folder / TENSORS)
    assert files(folder) == bare
    promote(tmp_path / "one", folder, at=NOON)
    assert files(folder) == (*bare, folder / one / MANIFEST, folder / one / TENSORS)
    (folder / CURRENT).write_text("{")
    assert files(folder) == bare
