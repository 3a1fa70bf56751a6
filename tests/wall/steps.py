"""Own what a scripted upstream can do on a connection: small values, played one after the other.

A script is one play per attempt, the last one again for all that follow. A play turns what was asked into steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from tests.wall.dialects import Dialect


class Said(Struct, frozen=True):
    """Say raw bytes; `tokens` of output are charged with them, and `reported` once they told the usage."""

    data: bytes
    tokens: int = 0
    reported: bool = False


class Charged(Struct, frozen=True):
    """Charge this many tokens of input: the request was taken on."""

    tokens: int


class Pause(Struct, frozen=True):
    """Say nothing for so many seconds; ends at once when the peer leaves."""

    seconds: float


class Beat(Struct, frozen=True):
    """Say the same bytes again and again, `every` so many seconds, for `seconds` or until the peer leaves."""

    data: bytes
    every: float
    seconds: float


class Closed(Struct, frozen=True):
    """Close the connection (FIN) behind what was said."""


class Reset(Struct, frozen=True):
    """Reset the connection (RST)."""


class Silent(Struct, frozen=True):
    """Keep the connection open and say nothing more until the peer leaves."""


Step: TypeAlias = Said | Charged | Pause | Beat | Closed | Reset | Silent


class Asked(Struct, frozen=True, kw_only=True):
    """Hold what an attempt asked: which protocol, streamed or not, the body, and when.

    `number` counts the attempts on the model from 1; `at` is seconds since the first request to this wall.
    """

    dialect: Dialect
    model: str
    stream: bool
    body: bytes
    number: int
    at: float


Play: TypeAlias = Callable[[Asked], Sequence[Step]]
Script: TypeAlias = tuple[Play, ...]


def head(status: int = 200, kind: str = "application/json", *lines: str, length: int | None) -> Said:
    """Say a head; without a length the body is chunked."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return Said("\r\n".join([f"HTTP/1.1 {status} X", f"content-type: {kind}", framing, *lines, "", ""]).encode())


def piece(data: bytes, tokens: int = 0, *, reported: bool = False) -> Said:
    """Say one chunk of a chunked body."""
    return Said(b"%x\r\n%b\r\n" % (len(data), data), tokens, reported)


def last_chunk() -> Said:
    """End a chunked body."""
    return Said(b"0\r\n\r\n")
