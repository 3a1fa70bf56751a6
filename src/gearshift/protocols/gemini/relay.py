"""Own what changes in a stream that is passed on in its own protocol.

Invariant: a piece keeps its bytes but for the model's name, and what is added to the last one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.gemini.usage import MODEL, PATCHER
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.sse import ServerEvent, encode_event
from gearshift.protocols.wording import invalid

_KEY: Final = b'"%b":' % MODEL.encode()
_MARKS: Final = (b'"finishReason"', b'"finish_reason"', b'"blockReason"', b'"block_reason"')
"""What pieces hold that may be the last."""
_BARE: Final = ServerEvent(b'{"candidates":[]}')
"""What the end is said with where no piece was held back."""


class Patch:
    """See `following.Patch`."""

    def __init__(self, model: str) -> None:
        """Take the caller's name of the model."""
        self._edits = ResponseEdits(model=model)
        self._tail = b"\0"  # how pieces end, from the name of their model on; none does before that is known
        self._patched = b""

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        data = item.data
        if any(mark in data for mark in _MARKS):
            return None
        if data.endswith(self._tail):
            return encode_event(data[: -len(self._tail)] + self._patched)
        return self._say(item, self._edits)

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add to the last piece."""
        *pieces, last = [item for item in held if item.data.lstrip().startswith(b"{")] or [_BARE]
        return b"".join([*(self._say(item, self._edits) for item in pieces), self._say(last, edits)])

    def _say(self, item: ServerEvent, edits: ResponseEdits) -> bytes:
        if not item.data.lstrip().startswith(b"{"):
            return b""
        piece = JsonObject(item.data, invalid, lax=True)
        if MODEL in piece.members:
            self._learn(piece)
        return encode_event(PATCHER.patch(piece, edits))

    def _learn(self, piece: JsonObject) -> None:
        """Note how a piece ends: those that end alike need no parsing.

        What begins with a comma and a key, and opens nothing up to its end, cannot stand but at the top level.
        """
        tail = piece.tail(MODEL)
        if b"{" not in tail and b"[" not in tail:
            name = piece.members[MODEL]
            self._tail = b"," + _KEY + tail
            self._patched = b"," + _KEY + msgspec.json.encode(self._edits.model) + tail[len(name) :]
