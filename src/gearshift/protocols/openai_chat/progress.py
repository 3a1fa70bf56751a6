"""Own how far a stream has come: which answers have begun and ended, and what breaks it.

    nothing ── first answer begins ──> under way ── all answers have ended ──> complete ── [DONE] ──> ended
                                          └───────────────── [DONE] ──────────────────────────────────┘

Invariant: a stream is complete only when as many answers have ended as were asked for, or when it says so itself and
every answer that it began has its finish reason.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import StreamBroken
from gearshift.protocols.openai_chat.response import FAILURES
from gearshift.protocols.wording import closed_early, invalid

DONE: Final = b"[DONE]"
_members = msgspec.json.Decoder(dict[str, Raw])
_TOLD: Final = ("message", "detail", "msg")


class Progress:
    """Follow one stream of `expected` answers."""

    __slots__ = ("_begun", "_expected", "_finished", "complete", "ended")

    def __init__(self, expected: int) -> None:
        """Begin."""
        self.complete = False
        self.ended = False
        self._expected = expected
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    def see(self, choice: int, finish_reason: str | None) -> None:
        """Note a chunk of answer `choice`; raise StreamBroken when it says that the answer failed."""
        if choice not in self._begun:
            self._begun.add(choice)
            self.complete = False
        if finish_reason:
            if finish_reason in FAILURES:
                raise StreamBroken(f"the upstream ended its answer with finish_reason {finish_reason}")
            self._finished.add(choice)
            self.complete = len(self._finished) >= self._expected and self._finished == self._begun

    def end(self) -> None:
        """Note the terminator; raise UpstreamInvalid when no answer came before it, StreamBroken when a part of one."""
        if not self._begun:
            raise invalid("the stream ended before it held an answer")
        if self._finished != self._begun:
            raise StreamBroken("the upstream ended the stream without the finish_reason of its answer")
        self.ended = self.complete = True

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        if not self.complete:
            raise closed_early()


def is_error(data: bytes) -> bool:
    """Say whether a chunk without choices tells of an error: SGLang and older vLLM have no member `error`."""
    try:
        members = _members.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    if b'"error"' in {bytes(members.get(name, Raw())) for name in ("object", "type")}:
        return True
    return "choices" not in members and "usage" not in members and any(name in members for name in _TOLD)
