from __future__ import annotations

import pytest

from gearshift.errors import StreamBroken
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.sse import ServerEvent, encode_event
from gearshift.types.stream import Event, Finished, PartDelta


class Words(Decoding):
    """Decode streams of single words."""

    def take(self, item: ServerEvent) -> list[Event]:
        if item.data == b"bad":
            raise StreamBroken("bad")
        self.ended = item.data == b"end"
        return [PartDelta(choice=0, part=0, text=item.data.decode())]


def stream(*words: str) -> bytes:
    return b"".join(encode_event(word.encode()) for word in words)


def said(decoder: Decoding, data: bytes) -> list[str]:
    return [event.text for event in decoder.feed(data) if isinstance(event, PartDelta)]


def test_events_come_as_their_bytes_do() -> None:
    decoder = Words()
    data = stream("a", "b")
    assert said(decoder, data[:9]) == ["a"]
    assert said(decoder, b": wait\n\n" + data[9:]) == ["b"]


def test_nothing_comes_after_the_end() -> None:
    decoder = Words()
    assert said(decoder, stream("a", "end", "b")) == ["a", "end"]
    assert said(decoder, stream("c")) == []


def test_what_came_before_an_error_is_given_first() -> None:
    decoder = Words()
    assert said(decoder, stream("a", "bad", "b")) == ["a"]
    with pytest.raises(StreamBroken, match="bad"):
        decoder.feed(b"")
    with pytest.raises(StreamBroken, match="bad"):
        decoder.close()


def test_an_error_alone_is_raised_at_once() -> None:
    with pytest.raises(StreamBroken, match="bad"):
        Words().feed(stream("bad"))


def test_what_an_item_says_is_for_each_protocol_to_tell() -> None:
    with pytest.raises(NotImplementedError):
        Decoding().feed(stream("a"))


def test_input_that_ends_before_the_answer_breaks_the_stream() -> None:
    decoder = Words()
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        decoder.close()
    decoder.complete = True
    assert decoder.close() == [Finished()]
    assert decoder.close() == []
