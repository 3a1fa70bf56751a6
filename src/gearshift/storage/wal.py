"""Own the write-ahead log: what must survive the death of this process is in the kernel's hands when `write` returns.

    root/INSTANCE/lock            held while the process lives
    root/INSTANCE/00000001.wal    segments, each closed for good when the next one is begun

A segment is allocated as a whole and mapped into memory: to write is to copy, no call that a busy disk could hold up,
and a full disk shows when a segment is made. What was copied survives `kill -9` at once; a power cut may take what was
written since the last `sync`. Every process has a folder of its own. Invariants: nothing that was written is ever
changed; what is allocated and not written is zeros; the lock says whether a folder's writer is alive.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from gearshift.storage.segment import MAGIC

SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""So much is allocated at a time, and read again, at most, after a death."""
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


class Segment:
    """Be a file that is written by copying."""

    def __init__(self, path: Path, size: int) -> None:
        """Allocate it; raise OSError where the disk has no room for it."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(self._file, 0, size)
            self._map = mmap.mmap(self._file, size)
        except OSError:
            os.close(self._file)
            path.unlink()
            raise
        self._map[: len(MAGIC)] = MAGIC
        self.size = size
        self.end = len(MAGIC)
        self._synced = 0

    def write(self, data: bytes) -> None:
        """Copy records, for which there must be room."""
        end = self.end + len(data)
        self._map[self.end : end] = data
        self.end = end

    def sync(self) -> None:
        """Make all that was written survive a power cut; raise OSError when the disk fails."""
        end = self.end
        if end != self._synced:
            os.fdatasync(self._file)
            self._synced = end

    def close(self) -> None:
        """Sync, as well as can be, and let go."""
        with suppress(OSError):
            self.sync()
        self._map.close()
        os.close(self._file)


class Wal:
    """Write the log of this process."""

    def __init__(self, root: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Make a folder of our own under `root`; raise OSError when that cannot be had."""
        self._segment_bytes = max(segment_bytes, len(MAGIC) + 1)
        self._guard = threading.Lock()
        self.folder, self._lock = _own_folder(root)
        self._number = 1
        self._full: list[Segment] = []
        self._segment = Segment(segment_path(self.folder, 1), self._segment_bytes)

    @property
    def end(self) -> Position:
        """Give the place behind all that was written."""
        with self._guard:
            return Position(self._number, self._segment.end)

    def write(self, data: bytes) -> None:
        """Append whole records; raise OSError when there is no room for them: then nothing of them is written."""
        with self._guard:
            if self._segment.end + len(data) > self._segment.size:
                self._turn(len(data))
            self._segment.write(data)

    def sync(self) -> None:
        """Make all that was written survive a power cut; raise OSError when the disk fails. Call it off the loop."""
        with self._guard:
            full, segment = self._full, self._segment
            self._full = []
        for each in full:
            each.sync()
            each.close()
        segment.sync()

    def close(self) -> None:
        """Sync and let go; the folder stays, for its segments may not be shipped yet."""
        for each in (*self._full, self._segment):
            each.close()
        os.close(self._lock)

    def _turn(self, length: int) -> None:
        """Begin the next segment, of room for at least `length` bytes."""
        size = max(self._segment_bytes, len(MAGIC) + length)
        made = Segment(segment_path(self.folder, self._number + 1), size)
        self._full.append(self._segment)
        self._segment = made
        self._number += 1


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
