"""What was written is there after the writer's death, whole records only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gearshift.storage.segment import framed, records
from gearshift.storage.wal import START, Position, Wal, abandoned, discard, segment_path, segments


def read(wal: Wal, number: int = 1) -> list[bytes]:
    data = segment_path(wal.folder, number).read_bytes()
    return [each.payload for each in records(data[START.offset :], START.offset)]


def test_a_record_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    wal = Wal(tmp_path)
    assert wal.end == START
    wal.write(framed(b"S", b"one"))
    wal.write(framed(b"S", b"two"))
    assert read(wal) == [b"one", b"two"]
    assert wal.end == Position(1, START.offset + len(framed(b"S", b"one") * 2))
    wal.close()


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    wal = Wal(tmp_path, segment_bytes=150)
    wal.write(framed(b"S", bytes(90)))
    wal.write(framed(b"S", b"still here"))
    wal.write(framed(b"S", b"there, for it is too long"))
    wal.write(framed(b"S", bytes(1000)))
    wal.sync()
    assert segments(wal.folder) == [1, 2, 3]
    assert read(wal, 1)[1] == b"still here"
    assert read(wal, 2) == [b"there, for it is too long"]
    assert read(wal, 3) == [bytes(1000)]
    assert wal.end.segment == 3
    wal.close()


def test_a_full_disk_is_an_error_and_what_was_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wal = Wal(tmp_path, segment_bytes=100)
    wal.write(framed(b"S", b"whole"))

    def full(_file: int, _begin: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        wal.write(framed(b"S", bytes(90)))
    wal.write(framed(b"S", b"what there is room for"))
    monkeypatch.undo()
    wal.write(framed(b"S", bytes(90)))
    assert read(wal) == [b"whole", b"what there is room for"]
    assert read(wal, 2) == [bytes(90)]
    assert segments(wal.folder) == [1, 2]
    wal.close()


def test_only_the_folder_of_a_dead_writer_is_abandoned(tmp_path: Path) -> None:
    alive, dead = Wal(tmp_path), Wal(tmp_path)
    dead.close()
    ((folder, lock),) = abandoned(tmp_path)
    assert folder == dead.folder
    assert list(abandoned(tmp_path)) == []  # we have it now
    os.close(lock)
    alive.close()


def test_a_folder_that_is_being_made_and_a_stray_file_are_nobodys(tmp_path: Path) -> None:
    (tmp_path / ".1-abc").mkdir()
    (tmp_path / "note.txt").write_text("?")
    assert list(abandoned(tmp_path)) == []
    assert list(abandoned(tmp_path / "nowhere")) == []


def test_what_else_lies_in_a_folder_is_not_thrown_away(tmp_path: Path) -> None:
    wal = Wal(tmp_path)
    wal.close()
    discard(wal.folder)
    assert segments(wal.folder) == [1]
    segment_path(wal.folder, 1).unlink()
    discard(wal.folder)
    assert not wal.folder.exists()


def test_the_log_is_for_nobody_elses_eyes(tmp_path: Path) -> None:
    wal = Wal(tmp_path / "ledger")
    assert wal.folder.stat().st_mode & 0o077 == 0
    assert segment_path(wal.folder, 1).stat().st_mode & 0o077 == 0
    wal.close()
