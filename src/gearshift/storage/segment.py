"""Own the form of a file of the write-ahead log: records that are read whole and right, or not at all.

    segment   MAGIC, then records
    record    length of the payload (4 bytes) · CRC-32 of kind and payload (4 bytes) · kind (1 byte) · payload
    the rest  zeros: not written yet

Numbers are little-endian. Invariant: reading ends before the first record that is cut short or damaged, so a process
that died while it wrote, or a disk that filled up, costs at most what was being written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from msgspec import Struct

MAGIC: Final = b"gearshift wal 1\n"
MAX_RECORD: Final = 64 * 1024 * 1024
"""Bytes of a payload. A length beyond it is damage."""
UNWRITTEN: Final = b"\x00"
"""The kind of what is no record."""
_HEAD: Final = struct.Struct("<IIc")


class Damaged(Exception):
    """Say that what follows is no record."""


class Record(Struct, frozen=True):
    """Hold a record that was read; `end` is the offset behind it."""

    kind: bytes
    payload: bytes
    end: int


def framed(kind: bytes, payload: bytes) -> bytes:
    """Give a record as it is written; raise ValueError when it is too long for one."""
    if len(payload) > MAX_RECORD:
        raise ValueError(f"found a record of {len(payload)} bytes, expected at most {MAX_RECORD}")
    return _HEAD.pack(len(payload), crc32(payload, crc32(kind)), kind) + payload


def records(data: bytes, offset: int) -> Iterator[Record]:
    """Read the records of `data`, which begins at `offset` of its file; end where one is not there as a whole.

    Raises Damaged, after all records before it were given, at one whose checksum is wrong.
    """
    at, size = 0, len(data)
    while size - at >= _HEAD.size:
        length, checksum, kind = _HEAD.unpack_from(data, at)
        if kind == UNWRITTEN:
            return
        if length > MAX_RECORD:
            raise Damaged
        begin = at + _HEAD.size
        at = begin + length
        if at > size:
            return
        payload = data[begin:at]
        if crc32(payload, crc32(kind)) != checksum:
            raise Damaged
        yield Record(kind, payload, offset + at)


def needed(data: bytes) -> int:
    """Give how many bytes the record that `data` begins with takes, 0 where not even its head is here."""
    if len(data) < _HEAD.size:
        return 0
    length, _checksum, kind = _HEAD.unpack_from(data)
    return 0 if kind == UNWRITTEN else _HEAD.size + int(length)
