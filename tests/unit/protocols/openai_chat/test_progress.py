from __future__ import annotations

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.openai_chat.progress import Progress, is_error
from gearshift.protocols.openai_chat.response import FAILURES


def test_one_answer_completes_with_its_finish_reason() -> None:
    progress = Progress(1)
    progress.see(0, None)
    assert not progress.complete
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        progress.close()
    progress.see(0, "stop")
    assert progress.complete
    assert not progress.ended
    progress.close()


def test_as_many_answers_must_end_as_were_asked_for() -> None:
    progress = Progress(2)
    progress.see(0, "stop")
    assert not progress.complete
    progress.see(1, None)
    progress.see(1, "length")
    assert progress.complete


def test_an_answer_more_than_was_asked_for_is_waited_for() -> None:
    progress = Progress(1)
    progress.see(0, "stop")
    progress.see(1, None)
    assert not progress.complete
    progress.see(1, "stop")
    assert progress.complete


def test_the_terminator_completes_what_has_begun() -> None:
    progress = Progress(1)
    with pytest.raises(UpstreamInvalid, match="ended before it held an answer"):
        progress.end()
    progress.see(0, "stop")
    progress.end()
    assert progress.complete
    assert progress.ended


def test_the_terminator_does_not_complete_an_answer_without_its_finish_reason() -> None:
    progress = Progress(2)
    progress.see(0, "stop")
    progress.see(1, None)
    with pytest.raises(StreamBroken, match="without the finish_reason"):
        progress.end()
    assert not progress.ended


def test_the_terminator_ends_a_stream_of_fewer_answers_than_were_asked_for() -> None:
    progress = Progress(2)
    progress.see(0, "stop")
    progress.end()
    assert progress.ended


@pytest.mark.parametrize("word", sorted(FAILURES))
def test_an_answer_that_ends_in_an_error_breaks_the_stream(word: str) -> None:
    with pytest.raises(StreamBroken, match=f"finish_reason {word}"):
        Progress(1).see(0, word)


@pytest.mark.parametrize(
    ("spoken", "error"),
    [
        (b'{"object":"error","message":"out of memory"}', True),
        (b'{"object":"error","choices":[]}', True),
        (b'{"type":"error"}', True),
        (b'{"message":"overloaded"}', True),
        (b'{"detail":"overloaded","id":"r"}', True),
        (b'{"type":"ping"}', False),
        (b'{"choices":[],"message":"filtered"}', False),
        (b'{"usage":{},"message":"told"}', False),
        (b"{}", False),
        (b"[]", False),
    ],
)
def test_an_error_without_a_member_error_is_known(spoken: bytes, error: bool) -> None:
    assert is_error(spoken) is error
