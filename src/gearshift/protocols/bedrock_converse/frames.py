"""Own AWS's event stream: binary frames to events, and back.

    total length (4) | length of headers (4) | CRC of these (4) | headers | payload | CRC of all (4)

Invariants: the same bytes give the same events however they are split; each frame passes both its checksums or the
stream is refused; none is longer than `MAX_FRAME`. A frame that says an exception raises StreamBroken in its place.
Source: docs.aws.amazon.com, "Event stream encoding"; smithy.io, "Amazon Event Stream Specification" (2026-11). The
checksum is CRC-32 as gzip has it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.complaint import broken_off
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import invalid

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
MAX_FRAME: Final = 4 << 20
_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_SHORTEST: Final = _PRELUDE.size + _CRC.size
_WIDTHS: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type: booleans, integers, a time, a UUID."""
_SIZED: Final = frozenset({6, 7})
"""Types whose values say their length: bytes and text."""
_TEXT: Final = 7
_TYPE, _EVENT, _EXCEPTION, _CODE = ":message-type", ":event-type", ":exception-type", ":error-code"


class Frames:
    """Parse a stream of frames, fed in pieces of any size."""

    __slots__ = ("_headers", "_held", "_said", "_wanted")

    def __init__(self) -> None:
        """Begin a stream."""
        self._held = bytearray()
        self._wanted = _PRELUDE.size
        self._said = b""  # the headers of the last frame, which the next mostly repeats
        self._headers: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """Give the events that `data` completes; raise UpstreamInvalid on garbage, StreamBroken on an exception."""
        held = self._held
        held += data
        start = 0
        try:
            while len(held) - start >= self._wanted:
                total, headers = _prelude(held, start)
                self._wanted = total
                if len(held) - start < total:
                    break
                frame = bytes(held[start : start + total])
                start += total
                self._wanted = _PRELUDE.size
                yield self._event(frame, headers)
        finally:
            del held[:start]

    def cut(self) -> bytes:
        """Give what the end of input left of an event: of a frame that is not whole, nothing can be believed."""
        return b""

    def _event(self, frame: bytes, length: int) -> ServerEvent:
        """Read a whole frame."""
        if crc32(frame[: -_CRC.size]) != int.from_bytes(frame[-_CRC.size :], "big"):
            raise _garbage("its checksum is wrong")
        end = _PRELUDE.size + length
        said = frame[_PRELUDE.size : end]
        if said != self._said:
            self._headers, self._said = _headers(said), said
        headers, payload = self._headers, frame[end : -_CRC.size]
        match headers.get(_TYPE):
            case "event":
                return ServerEvent(payload, headers.get(_EVENT, ""))
            case "exception":
                raise broken_off(payload, headers.get(_EXCEPTION, ""))
            case "error":
                raise broken_off(headers.get(":error-message", "").encode(), headers.get(_CODE, ""))
            case _:
                raise _garbage("it says no type of message that is known")


def encode_frame(payload: bytes, event: str, *, kind: str = "event") -> bytes:
    """Say `payload` as a frame of the type `event`; `kind` is `event` or `exception`."""
    said = {_EVENT if kind == "event" else _EXCEPTION: event, ":content-type": "application/json", _TYPE: kind}
    headers = b"".join(_header(name.encode(), value.encode()) for name, value in said.items())
    total = _SHORTEST + len(headers) + len(payload)
    lengths = struct.pack(">II", total, len(headers))
    body = lengths + _CRC.pack(crc32(lengths)) + headers + payload
    return body + _CRC.pack(crc32(body))


def _header(name: bytes, value: bytes) -> bytes:
    return b"%c%b%c%b%b" % (len(name), name, _TEXT, struct.pack(">H", len(value)), value)


def _prelude(held: bytearray, start: int) -> tuple[int, int]:
    """Give the lengths of the frame and of its headers, checked before anything is believed."""
    total, headers, checksum = _PRELUDE.unpack_from(held, start)
    if crc32(held[start : start + 8]) != checksum:
        raise _garbage("the checksum of its lengths is wrong")
    if total > MAX_FRAME:
        raise UpstreamInvalid(f"the stream has a frame of more than {MAX_FRAME} bytes; the upstream is broken")
    if total < _SHORTEST + headers:
        raise _garbage("its headers are longer than itself")
    return total, headers


def _headers(data: bytes) -> dict[str, str]:
    """Give the headers that are text."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name, kind = data[at + 1 : end].decode(), data[end]
            at = end + 1
            if kind in _SIZED:
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            else:
                size = _WIDTHS[kind]
            value = data[at : at + size]
            at += size
            if kind == _TEXT and at <= len(data):
                found[name] = value.decode()
    except (IndexError, KeyError, UnicodeDecodeError):
        raise _garbage("its headers cannot be read") from None
    if at != len(data):
        raise _garbage("its headers are cut")
    return found


def _garbage(why: str) -> UpstreamInvalid:
    return invalid(f"found a frame that is none of AWS's event stream: {why}")
