"""Own how far a stream has come: which answers have begun and ended, and how much of it was broken.

    nothing ── first answer begins ──> under way ── all answers have ended ──> complete ── [DONE] ──> ended
                                          └───────────────── [DONE] ──────────────────────────────────┘

Invariant: a stream is complete only when as many answers have ended as were asked for, or when it says so itself.
"""

from __future__ import annotations

from typing import Final

from gearshift.errors import StreamBroken
from gearshift.protocols.openai_chat.response import FAILURES, invalid

DONE: Final = b"[DONE]"
MAX_MALFORMED: Final = 3


class Progress:
    """Follow one stream of `expected` answers."""

    __slots__ = ("_begun", "_expected", "_finished", "_malformed", "complete", "ended")

    def __init__(self, expected: int) -> None:
        """Begin."""
        self.complete = False
        self.ended = False
        self._expected = expected
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._malformed = 0

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
        """Note the terminator; raise UpstreamInvalid when no answer came before it."""
        if not self._begun:
            raise invalid("the stream ended before it held an answer")
        self.ended = self.complete = True

    def skip(self, error: Exception) -> None:
        """Note a chunk that cannot be read; raise UpstreamInvalid when there were too many."""
        self._malformed += 1
        if self._malformed > MAX_MALFORMED:
            raise invalid(f"found more than {MAX_MALFORMED} broken chunks, the last: {error}") from None

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        if not self.complete:
            raise StreamBroken("the upstream closed the stream before the end of its answer")
