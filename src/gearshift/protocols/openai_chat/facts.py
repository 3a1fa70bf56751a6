"""Own the quick look at an answer: which of a message or delta is content, and how many bytes of text it holds.

Invariant: only raw text is read, so that an answer in an unusual form still passes.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import ABSENT, word

_EMPTY: Final = frozenset({b"", b"null", b'""', b"[]", b"{}"})
_QUOTE: Final = ord('"')
_text = msgspec.json.Decoder(str)


class _Function(Struct, gc=False):
    arguments: Raw = ABSENT


class _Custom(Struct, gc=False):
    input: Raw = ABSENT


class _Call(Struct):
    id: Raw = ABSENT
    function: _Function | None = None
    custom: _Custom | None = None


class Said(Struct):
    """Hold what a message, or a delta of one, says."""

    content: Raw = ABSENT
    reasoning_content: Raw = ABSENT
    reasoning: Raw = ABSENT
    refusal: Raw = ABSENT
    tool_calls: list[_Call] | None = None
    reasoning_details: Raw = ABSENT
    audio: Raw = ABSENT
    images: Raw = ABSENT
    function_call: Raw = ABSENT

    def size(self) -> int:
        """Give the UTF-8 bytes of answer text: reasoning, refusal and tool arguments too."""
        total = _size(self.content)
        if self.reasoning_content is not ABSENT or self.reasoning is not ABSENT:
            total += max(_size(self.reasoning_content), _size(self.reasoning))  # two spellings of one text
        if self.refusal is not ABSENT:
            total += _size(self.refusal)
        if self.function_call is not ABSENT:
            total += _size(self.function_call)
        for call in self.tool_calls or ():
            if call.function is not None:
                total += _size(call.function.arguments)
            elif call.custom is not None:
                total += _size(call.custom.input)
        return total

    def call_id(self) -> str | None:
        """Give the id of its first call of a tool."""
        return word(self.tool_calls[0].id) if self.tool_calls else None

    def beyond_text(self) -> bool:
        """Say whether there is content that has no text of its own: a call, a picture, a sound, hidden reasoning."""
        others = (self.reasoning_details, self.audio, self.images)
        return bool(self.tool_calls) or any(bytes(raw) not in _EMPTY for raw in others)


class ChoicePeek(Struct):
    """Hold what must be known of one answer, or of one delta of it."""

    index: int | None = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None


def _size(raw: Raw) -> int:
    text = bytes(raw)
    if text in _EMPTY:
        return 0
    if text[0] != _QUOTE:
        return len(text)
    if b"\\" not in text:
        return len(text) - 2
    return len(_text.decode(text).encode())
