"""Own the write-ahead log: what must survive the death of this process is in the kernel's hands when `write` returns.

    root/INSTANCE/lock            held while the process lives
    root/INSTANCE/00000001.wal    segments, each closed for good when the next one is begun

`write` survives `kill -9` at once; a power cut may take what was written since the last `sync`. Every process has a
folder of its own. Invariants: nothing that was written is ever changed; a write that fails leaves no half of a record
behind; the lock says whether a folder's writer is alive.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from gearshift.storage.segment import MAGIC

SEGMENT_BYTES: Final = 8 * 1024 * 1024
"""A segment that has grown to this is followed by the next: so much is read again, at most, after a death."""
LOCK: Final = "lock"
_NAME: Final = re.compile(r"(\d{8})\.wal")
_MAKING: Final = "."


class Position(Struct, frozen=True, order=True):
    """Hold a place in the segments of one folder."""

    segment: int
    offset: int


START: Final = Position(1, len(MAGIC))


def segment_path(folder: Path, number: int) -> Path:
    """Name a segment's file."""
    return folder / f"{number:08}.wal"


def segments(folder: Path) -> list[int]:
    """List the numbers of a folder's segments, oldest first."""
    found = (_NAME.fullmatch(each.name) for each in folder.iterdir())
    return sorted(int(match[1]) for match in found if match)


class Wal:
    """Write the log of this process."""

    def __init__(self, root: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Make a folder of our own under `root`; raise OSError when that cannot be had."""
        self._segment_bytes = segment_bytes
        self._guard = threading.Lock()
        self.folder, self._lock = _own_folder(root)
        self._number = 0
        self._file = -1
        self._size = self._synced = 0
        self._next()

    @property
    def end(self) -> Position:
        """Give the place behind all that was written."""
        with self._guard:
            return Position(self._number, self._size)

    def write(self, data: bytes) -> None:
        """Append whole records; raise OSError when they could not be written: then nothing of them is."""
        with self._guard:
            try:
                written = os.write(self._file, data)
                if written < len(data):  # the disk has just filled up: say so, not half of it
                    written += os.write(self._file, data[written:])
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file, self._size)
                raise
            self._size += written

    def sync(self) -> None:
        """Make all that was written survive a power cut, and begin the next segment where this one is full.

        Raises OSError when the disk fails. Call it off the event loop.
        """
        with self._guard:
            file, size = self._file, self._size
        if size != self._synced:
            os.fdatasync(file)
            self._synced = size
        if size >= self._segment_bytes:
            self._next()

    def close(self) -> None:
        """Sync and let go; the folder stays, for its segments may not be shipped yet."""
        with suppress(OSError):
            self.sync()
        os.close(self._file)
        os.close(self._lock)

    def _next(self) -> None:
        """Begin the next segment; what the old one got meanwhile is synced too."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        file = os.open(segment_path(self.folder, self._number + 1), flags, 0o600)
        try:
            os.write(file, MAGIC)
        except OSError:
            os.close(file)
            segment_path(self.folder, self._number + 1).unlink()
            raise
        with self._guard:
            former, self._file = self._file, file
            self._number += 1
            self._size, self._synced = len(MAGIC), 0
        if former >= 0:
            os.fdatasync(former)
            os.close(former)


def _own_folder(root: Path) -> tuple[Path, int]:
    """Make a folder that is never seen without its lock."""
    name = f"{os.getpid()}-{os.urandom(6).hex()}"
    making = root / f"{_MAKING}{name}"
    making.mkdir(parents=True, mode=0o700)
    held = lock(making)
    return making.rename(root / name), held


def lock(folder: Path) -> int:
    """Take a folder as its only user; raise BlockingIOError when somebody else has it."""
    file = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def abandoned(root: Path) -> Iterator[tuple[Path, int]]:
    """Give the folders whose writers are dead, each locked by us: a file to be closed when it has been seen to."""
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith(_MAKING):
            with suppress(BlockingIOError, FileNotFoundError):
                yield folder, lock(folder)


def discard(folder: Path) -> None:
    """Remove a folder that holds nothing any more but its lock; what else is in it stays."""
    with suppress(OSError):
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()
