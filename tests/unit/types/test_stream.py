from __future__ import annotations

import msgspec

from gearshift.types.chat import Citation
from gearshift.types.stream import Event, Finished, PartDelta, PartStarted, Started


def test_events_are_told_apart_by_their_tags() -> None:
    events: list[Event] = [
        Started(protocol="gemini", id="r", model="m", created=0),
        PartStarted(choice=0, part=0, kind="reasoning", redacted=True),
        PartDelta(choice=0, part=0, text="", signature="s", citations=(Citation(url="https://a"),)),
        Finished(),
    ]
    spoken = msgspec.json.encode(events)
    assert msgspec.json.decode(spoken, type=list[Event]) == events


def test_what_was_not_said_is_none_or_empty() -> None:
    delta = PartDelta(choice=0, part=0, text="a")
    assert (delta.signature, delta.logprobs, delta.citations, delta.extra) == (None, None, (), {})
    start = PartStarted(choice=0, part=0, kind="text")
    assert (start.id, start.name, start.origin, start.redacted) == (None, None, None, False)
    assert Finished().usage is None
