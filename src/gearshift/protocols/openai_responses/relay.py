"""Own what changes in a stream that is passed on in its own protocol.

Invariant: an event keeps its bytes but for the model's name, where it is told, and what is added to the last one.
"""

from __future__ import annotations

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import ABSENT, INTEGER, Misfit
from gearshift.protocols.following import Following, ItemDecoder
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.openai_responses.usage import PATCHER
from gearshift.protocols.sse import ServerEvent, encode_like
from gearshift.protocols.wording import invalid

_LAST = frozenset({b'"response.completed"', b'"response.incomplete"'})


class Patch:
    """See `following.Patch`."""

    def __init__(self, model: str) -> None:
        """Take the caller's name of the model."""
        self._edits = ResponseEdits(model=model)

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        if b'"response"' not in item.data:
            return encode_like(item, item.data)
        event = JsonObject(item.data, invalid, lax=True)
        if bytes(event.members.get("type", ABSENT)) in _LAST:
            return None
        return self._say(event, item, self._edits)

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add."""
        return b"".join(
            [self._say(JsonObject(item.data, invalid, lax=True), item, edits) for item in held if item.data[:1] == b"{"]
        )

    def _say(self, event: JsonObject, item: ServerEvent, edits: ResponseEdits) -> bytes:
        if "response" not in event.members:
            return encode_like(item, item.data)
        answer = JsonObject(bytes(event.members["response"]), invalid, lax=True)
        return encode_like(item, event.patch({"response": PATCHER.patch(answer, edits)}))


class Relay(Following):
    """Pass a stream on and know how its events are numbered."""

    def __init__(self, decoder: ItemDecoder, patch: Patch) -> None:
        """Begin a stream."""
        super().__init__(decoder, patch)
        self._last: ServerEvent | None = None

    @property
    def number(self) -> int:
        """Give the number behind that of the event that was passed on last."""
        if self._last is None:
            return 0
        try:
            members = JsonObject(self._last.data, invalid, lax=True).members
            return INTEGER.read(members.get("sequence_number", ABSENT), "sequence_number") + 1
        except (Misfit, UpstreamInvalid):
            return 0

    def take(self, item: ServerEvent) -> bytes:
        """Give what is passed on of `item`."""
        passed = super().take(item)
        if passed:
            self._last = item
        return passed
