"""Own what changes in a stream that is passed on in its own protocol.

Invariants: an event keeps its bytes, and its name where it has one, but for the model's name in the first and what is
added to the usage in the last; what an event is, its `type` says, as it does to the decoder: not every server that
speaks this protocol names its events.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gearshift.protocols.answering import added
from gearshift.protocols.anthropic_messages.usage import PATCHER
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import ABSENT
from gearshift.protocols.json_patch import JsonObject, legible
from gearshift.protocols.sse import ServerEvent, encode_event, encode_like
from gearshift.protocols.wording import invalid


class _Delta(Struct):
    stop_reason: str | None = None


class _Told(Struct):
    delta: _Delta | None = None


class _Kind(Struct):
    type: str = ""


_kind = msgspec.json.Decoder(_Kind)
_told = msgspec.json.Decoder(_Told)


class Patch:
    """See `following.Patch`."""

    def __init__(self, model: str) -> None:
        """Take the caller's name of the model."""
        self._model = msgspec.json.encode(model)

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        data, kind = item.data, kind_of(item)
        if kind == "message_delta" and _is_last(data):
            return None
        if kind == "message_start":
            event = JsonObject(data, invalid, lax=True)
            message = JsonObject(bytes(event.members["message"]), invalid, lax=True)
            data = event.patch({"message": message.patch({"model": self._model})})
        return encode_like(item, data) if kind else b""

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add to the last counts."""
        kinds = [kind_of(item) for item in held]
        last = max((place for place, kind in enumerate(kinds) if kind == "message_delta"), default=-1)
        said = [
            encode_like(item, self._last(item.data, edits) if place == last else item.data)
            for place, item in enumerate(held)
            if kinds[place]
        ]
        if "message_stop" not in kinds:
            said.append(encode_event(b'{"type":"message_stop"}', "message_stop"))
        return b"".join(said)

    def _last(self, data: bytes, edits: ResponseEdits) -> bytes:
        event = JsonObject(data, invalid, lax=True)
        changes = added(edits)
        usage = PATCHER.patched_usage(bytes(event.members.get("usage", ABSENT)), edits)
        if usage is not None:
            changes["usage"] = usage
        return event.patch(changes)


def kind_of(item: ServerEvent) -> str:
    """Give the type of an event, its name where it says none, "" where it is none of this protocol."""
    try:
        return _kind.decode(legible(item.data)).type or item.event
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _is_last(data: bytes) -> bool:
    """Say whether the answer ends here: counts may come on the way too."""
    told = _told.decode(legible(data)).delta
    return told is not None and told.stop_reason is not None
