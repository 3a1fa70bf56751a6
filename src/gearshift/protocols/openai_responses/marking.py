"""Own what the caller of a stream knows it by: the ids of its items, and how its events are numbered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.errors import UpstreamError
from gearshift.protocols.codec import Marks
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.protocols.wording import MALFORMED

_ADDED: Final = "response.output_item.added"


class _Item(Struct):
    id: str = ""


class _Event(Struct):
    type: str = ""
    sequence_number: int | None = None
    item: _Item | None = None


_event = msgspec.json.Decoder(_Event)


def marks(pieces: Iterable[bytes]) -> Marks:
    """Read the ids of the items in their order, and the number of the next event."""
    names: list[bytes] = []
    number = 0
    parser = SSEParser()
    try:
        for item in parser.feed(b"".join(pieces)):
            if not isinstance(item, ServerEvent) or not item.data.strip():
                continue
            event = _event.decode(item.data)
            if event.sequence_number is not None:
                number = event.sequence_number + 1
            if event.type == _ADDED and event.item is not None:
                names.append(event.item.id.encode())
    except (UpstreamError, *MALFORMED):
        return Marks()
    return Marks(tuple(names), number)
