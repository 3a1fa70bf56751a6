"""Own a shelf: the versions of one router's artefact, and which of them serves.

    router/                     what a router's `predictor` names
      current.json              which version serves, which served before it, when it was switched
      3f2a9c01d4e7/             an artefact; the folder's name is its version
      b81e02c4fa90/

    nothing, or an empty folder ── promote ──> a shelf with one version
    an artefact                 ── promote ──> a shelf that holds it as the version before
    a shelf                     ── promote, rollback ──> the same shelf, another version serving

Invariants: `current.json` is replaced whole, after the version that it names is whole on disk and was verified; a
version's name is the digest of its content, so nobody can put another artefact under it unnoticed; no sound version is
ever removed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.errors import ArtifactError
from gearshift.learning import artifact
from gearshift.learning.artifact import MANIFEST, TENSORS, Artifact
from gearshift.learning.predictor import LearnedPredictor
from gearshift.learning.trial import try_out

SCHEMA: Final = 1
CURRENT: Final = "current.json"
MAX_BYTES: Final = 2**20
MAX_SWITCHES: Final = 1000
"""Switches, and versions before the current one, that are remembered."""

Version: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")]
"""A version names a folder: nothing that could lead elsewhere is one."""

_OURS: Final = re.compile(r"\.?([0-9a-f]{12}|current\.json)(\.|\Z)")
"""What a promotion that was cut short may have left in a folder that is no shelf yet."""


class Switch(Struct, frozen=True, kw_only=True):
    """Hold one change of the serving version; `at` is ISO 8601, UTC."""

    at: str
    action: Literal["promote", "rollback"]
    version: Version


class Pointer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold what `current.json` says. Rollbacks lead to `before`, its last version first; `history` is in order."""

    schema: Literal[1] = SCHEMA
    current: Version
    before: tuple[Version, ...] = ()
    history: tuple[Switch, ...] = ()

    def promoted(self, version: str, at: datetime) -> Pointer:
        """Give the pointer after `version` was promoted over the current one."""
        return self._switched(version, (*self.before, self.current), "promote", at)

    def rolled_back(self, at: datetime) -> Pointer:
        """Give the pointer after the version before came back; there must be one."""
        return self._switched(self.before[-1], self.before[:-1], "rollback", at)

    def _switched(
        self, version: str, before: tuple[str, ...], action: Literal["promote", "rollback"], at: datetime
    ) -> Pointer:
        done = Switch(at=at.isoformat(timespec="seconds"), action=action, version=version)
        history = (*self.history, done)[-MAX_SWITCHES:]
        return Pointer(current=version, before=before[-MAX_SWITCHES:], history=history)


def load(folder: Path) -> LearnedPredictor:
    """Read what serves from `folder`, an artefact or a shelf, checking everything.

    Raises
    ------
    ArtifactError
        Naming what was found, for anything that is not sound, down to a forecast that is out of range.
    """
    if not is_shelf(folder):
        return _sound(folder)[1]
    return _version(folder, read_pointer(folder).current)


def files(folder: Path) -> tuple[Path, ...]:
    """Name the files that decide what `load(folder)` gives; those that are not there too. Raises nothing."""
    found = (folder / CURRENT, folder / MANIFEST, folder / TENSORS)
    try:
        version = folder / read_pointer(folder).current
    except ArtifactError:
        return found
    return (*found, version / MANIFEST, version / TENSORS)


def is_shelf(folder: Path) -> bool:
    """Say whether `folder` is a shelf, sound or not."""
    return os.path.lexists(folder / CURRENT)


def read_pointer(folder: Path) -> Pointer:
    """Read which version of a shelf serves; raise ArtifactError when it cannot be told."""
    path = folder / CURRENT
    content = artifact.read_file(path, MAX_BYTES)
    try:
        return msgspec.json.decode(content, type=Pointer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        found = str(fault)[:200]
        raise ArtifactError(
            f"{path}: found no valid pointer ({found}); expected what `gearshift promote` wrote; "
            "put it back, or move the folder away and promote again"
        ) from fault


def promote(source: Path, folder: Path, *, at: datetime) -> Pointer:
    """Verify the artefact `source`, copy it to the shelf `folder` and let it serve; give what the shelf says then.

    What was verified is what is written: `source` is read once. Promoting what serves already changes nothing, but
    for writing it anew where its copy on the shelf is broken.

    Raises
    ------
    ArtifactError
        When `source` is not sound, or `folder` holds something else or cannot be written; what serves goes on then.
    """
    if is_shelf(source):
        raise ArtifactError(f"{source}: found a shelf, expected an artefact; name one of the versions in it")
    learned, predictor = _sound(source)
    with _writing(folder) as shelf:
        pointer = _open(shelf, at)
        _place(learned, shelf, predictor.version)
        if pointer is None:
            pointer = _first(predictor.version, at)
        elif pointer.current == predictor.version:
            return pointer
        else:
            pointer = pointer.promoted(predictor.version, at)
        _write_pointer(shelf, pointer)
    return pointer


def rollback(folder: Path, *, at: datetime) -> Pointer:
    """Let the version before serve again, verified; give what the shelf says then.

    Raises
    ------
    ArtifactError
        When there is no version before, or it is not sound; what serves goes on then.
    """
    with _writing(folder) as shelf:
        if not is_shelf(shelf):
            raise ArtifactError(f"{shelf}: found no shelf, so no version before; `gearshift promote` makes one")
        pointer = read_pointer(shelf)
        if not pointer.before:
            raise ArtifactError(f"{shelf}: found no version before {pointer.current}, which serves on; promote another")
        _version(shelf, pointer.before[-1])
        pointer = pointer.rolled_back(at)
        _write_pointer(shelf, pointer)
    return pointer


def _sound(folder: Path) -> tuple[Artifact, LearnedPredictor]:
    """Read an artefact, make its predictor and try that out."""
    learned = artifact.read(folder)
    predictor = learned.predictor()
    try_out(predictor, source=str(folder))
    return learned, predictor


def _version(shelf: Path, version: str) -> LearnedPredictor:
    """Read a version of a shelf; raise ArtifactError when it is not sound, or another one under its name."""
    _, predictor = _sound(shelf / version)
    if predictor.version != version:
        raise ArtifactError(
            f"{shelf / version}: found version {predictor.version}, expected {version} by its folder's name; "
            "promote it again"
        )
    return predictor


def _open(folder: Path, at: datetime) -> Pointer | None:
    """Give what the shelf says, made of the artefact where `folder` is one; None where there is nothing yet."""
    if is_shelf(folder):
        return read_pointer(folder)
    if (folder / MANIFEST).is_file():
        return _shelve(folder, at)
    if folder.exists() and (not folder.is_dir() or any(not _OURS.match(path.name) for path in folder.iterdir())):
        raise ArtifactError(f"{folder}: found something else; expected a new folder, an artefact or a shelf of them")
    return None


def _place(learned: Artifact, shelf: Path, version: str) -> None:
    """Write a version, unless it is there and sound."""
    if (shelf / version).exists():
        try:
            _version(shelf, version)
        except ArtifactError:
            shutil.rmtree(shelf / version, ignore_errors=True)  # broken, and about to be written anew
        else:
            return
    learned.save(shelf / version)


def _shelve(folder: Path, at: datetime) -> Pointer:
    """Turn an artefact into a shelf that serves it."""
    learned, predictor = _sound(folder)
    pointer = _first(predictor.version, at)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        learned.save(fresh / predictor.version)
        _write_pointer(fresh, pointer)
        artifact.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return pointer


def _first(version: str, at: datetime) -> Pointer:
    done = Switch(at=at.isoformat(timespec="seconds"), action="promote", version=version)
    return Pointer(current=version, history=(done,))


def _write_pointer(shelf: Path, pointer: Pointer) -> None:
    """Replace `current.json` whole, and see it on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{CURRENT}.", dir=shelf)
    os.close(descriptor)
    fresh = Path(name)
    try:
        artifact.write_file(fresh, msgspec.json.format(msgspec.json.encode(pointer), indent=1) + b"\n")
        fresh.chmod(0o644)
        fresh.replace(shelf / CURRENT)
    finally:
        fresh.unlink(missing_ok=True)
    descriptor = os.open(shelf, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _writing(folder: Path) -> Iterator[Path]:
    """Be the only one who changes `folder`, given with its links followed; the lock is on the folder around it."""
    shelf = folder.resolve()
    try:
        shelf.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(shelf.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield shelf
        finally:
            os.close(descriptor)
    except BlockingIOError as fault:
        raise ArtifactError(f"{shelf}: found another promote or rollback at work there; try again") from fault
    except OSError as fault:
        raise ArtifactError(f"{shelf}: cannot be changed ({fault.strerror}); what serves goes on") from fault
