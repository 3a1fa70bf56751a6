"""Own the ids of function calls, which Gemini may leave out.

Invariant: a call and its response have one id: the one that was said, else one of ours, which no upstream is told.
Source: the Gemini API reference, "Generating content", `FunctionCall` (2026-11).
"""

from __future__ import annotations

from typing import Final

UNNAMED: Final = "gemini-call-"
"""How the ids begin that we give to calls which have none."""


class Calls:
    """Give ids to the calls of one conversation, and find them again for their responses."""

    def __init__(self, of: str = "") -> None:
        """Begin a conversation, or the answer `of` this id."""
        self._of = of
        self._count = 0
        self._open: list[tuple[str, str]] = []  # (name, id) of calls without a response

    def called(self, name: str, said: str | None) -> str:
        """Give the id of a call."""
        given = said or f"{UNNAMED}{self._of}{self._count}"
        self._count += 1
        self._open.append((name, given))
        return given

    def answered(self, name: str, said: str | None) -> str:
        """Give the id of the call that a response is for."""
        for place, (called, given) in enumerate(self._open):
            if said == given or (said is None and called == name):
                del self._open[place]
                return given
        return said or f"{UNNAMED}none-{name}"
