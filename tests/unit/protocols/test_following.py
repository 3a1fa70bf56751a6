from __future__ import annotations

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.following import Following, Progress
from gearshift.protocols.sse import MAX_LINE, ServerEvent, encode_event
from gearshift.types.chat import Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartStarted, Started

USAGE = Usage(input_tokens=3, output_tokens=2)


class Words:
    """Decode streams of single words."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.over = False

    def take(self, item: ServerEvent) -> list[Event]:
        match item.data:
            case b"start":
                return [Started(id="r", model="up", created=0), PartStarted(choice=0, part=0, kind="text")]
            case b"stop":
                self.usage, self.over = USAGE, True
                return [ChoiceEnded(choice=0, finish_reason="stop")]
            case b"bad":
                raise StreamBroken("bad")
            case b"end":
                return [Finished(usage=USAGE)]
            case word:
                return [PartDelta(choice=0, part=0, text=word.decode())]

    def close(self) -> list[Event]:
        if not self.over:
            raise StreamBroken("cut")
        return [Finished()]


class Capitals:
    """Pass words on in capitals; hold back what comes from `stop` on."""

    def item(self, item: ServerEvent) -> bytes | None:
        return None if item.data == b"stop" else encode_event(item.data.upper())

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        return b"|".join([*(item.data for item in held), edits.usage])


def following() -> Following:
    return Following(Words(), Capitals())


def stream(*words: str) -> bytes:
    return b"".join(encode_event(word.encode()) for word in words)


def test_a_stream_is_patched_and_its_end_held_back() -> None:
    relay = following()
    assert relay.feed(stream("start", "Hi")) == stream("START", "HI")
    assert (relay.content_seen, relay.complete, relay.answer_bytes) == (True, False, 2)
    assert relay.feed(stream("stop", "end")) == b""
    assert (relay.complete, relay.ended, relay.usage, relay.finish_reason) == (True, True, USAGE, "stop")
    assert (relay.response_id, relay.upstream_model) == ("r", "up")
    assert relay.end(ResponseEdits(model="m", usage=b"cost"), send_usage=True) == b"stop|end|cost"


def test_what_comes_after_the_end_is_passed_over() -> None:
    assert following().feed(stream("start", "stop", "end", "more")) == stream("START")


def test_comments_pass() -> None:
    assert following().feed(b": wait\n\n") == b": wait\n\n"


def test_what_came_before_an_error_is_given_first() -> None:
    relay = following()
    assert relay.feed(stream("start", "Hi", "bad")) == stream("START", "HI")
    assert isinstance(relay.failure, StreamBroken)
    with pytest.raises(StreamBroken, match="bad"):
        relay.feed(b"")


def test_an_error_alone_is_raised_at_once() -> None:
    with pytest.raises(StreamBroken, match="bad"):
        following().feed(stream("bad"))


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(UpstreamInvalid, match="a line of more than"):
        following().feed(b"data: " + b"x" * MAX_LINE)


def test_a_stream_that_is_cut_is_broken_unless_all_was_said() -> None:
    relay = following()
    relay.feed(stream("start", "Hi"))
    with pytest.raises(StreamBroken, match="cut"):
        relay.close()
    relay.feed(stream("stop"))
    relay.close()
    assert relay.ended


def test_as_many_answers_must_end_as_were_asked_for() -> None:
    progress = Progress(2)
    progress.note(ChoiceEnded(choice=0, finish_reason="length"))
    assert not progress.complete
    progress.note(PartStarted(choice=1, part=0, kind="text"))
    progress.note(ChoiceEnded(choice=1, finish_reason="stop"))
    assert (progress.complete, progress.finish_reason) == (True, "length")


@pytest.mark.parametrize(
    ("event", "seen"),
    [
        (PartStarted(choice=0, part=0, kind="text"), False),
        (PartDelta(choice=0, part=0, text=""), False),
        (PartDelta(choice=0, part=0, text="", signature="s"), True),
        (PartStarted(choice=0, part=0, kind="tool_call"), True),
        (PartStarted(choice=0, part=0, kind="reasoning", redacted=True), True),
        (ChoiceDelta(choice=0), False),
    ],
)
def test_content_is_told_from_beginnings(event: Event, seen: bool) -> None:
    progress = Progress(1)
    progress.note(event)
    assert progress.content_seen is seen
