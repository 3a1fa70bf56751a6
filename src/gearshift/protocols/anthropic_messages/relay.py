"""Own what changes in a stream that is passed on in its own protocol.

Invariant: an event keeps its bytes but for the model's name in the first and what is added to the usage in the last.
"""

from __future__ import annotations

import msgspec

from gearshift.protocols.answering import added
from gearshift.protocols.anthropic_messages.usage import PATCHER
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import ABSENT
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.sse import ServerEvent, encode_event
from gearshift.protocols.wording import invalid


class Patch:
    """See `following.Patch`."""

    def __init__(self, model: str) -> None:
        """Take the caller's name of the model."""
        self._model = msgspec.json.encode(model)

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        if item.event == "message_delta":
            return None
        data = item.data
        if item.event == "message_start":
            event = JsonObject(data, invalid, lax=True)
            message = JsonObject(bytes(event.members["message"]), invalid, lax=True)
            data = event.patch({"message": message.patch({"model": self._model})})
        return encode_event(data, item.event)

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add to the last counts."""
        last = max((place for place, item in enumerate(held) if item.event == "message_delta"), default=-1)
        said = [
            encode_event(self._last(item.data, edits) if place == last else item.data, item.event)
            for place, item in enumerate(held)
        ]
        if not held or held[-1].event != "message_stop":
            said.append(encode_event(b'{"type":"message_stop"}', "message_stop"))
        return b"".join(said)

    def _last(self, data: bytes, edits: ResponseEdits) -> bytes:
        event = JsonObject(data, invalid, lax=True)
        changes = added(edits)
        usage = PATCHER.patched_usage(bytes(event.members.get("usage", ABSENT)), edits)
        if usage is not None:
            changes["usage"] = usage
        return event.patch(changes)
