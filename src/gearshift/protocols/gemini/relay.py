"""Own what changes in a stream that is passed on in its own protocol.

Invariant: a piece keeps its bytes but for the model's name, and what is added to the last one.
"""

from __future__ import annotations

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.gemini.usage import PATCHER
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.sse import ServerEvent, encode_event
from gearshift.protocols.wording import invalid


class Patch:
    """See `following.Patch`."""

    def __init__(self, model: str) -> None:
        """Take the caller's name of the model."""
        self._edits = ResponseEdits(model=model)

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        if b'"finishReason"' in item.data or b'"blockReason"' in item.data:
            return None
        return self._say(item, self._edits)

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add to the last piece."""
        *pieces, last = [item for item in held if item.data.lstrip().startswith(b"{")]
        return b"".join([*(self._say(item, self._edits) for item in pieces), self._say(last, edits)])

    @staticmethod
    def _say(item: ServerEvent, edits: ResponseEdits) -> bytes:
        if not item.data.lstrip().startswith(b"{"):
            return b""
        return encode_event(PATCHER.patch(JsonObject(item.data, invalid, lax=True), edits))
