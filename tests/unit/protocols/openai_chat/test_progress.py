from __future__ import annotations

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.openai_chat.progress import MAX_MALFORMED, Progress
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
    progress.see(0, None)
    progress.end()
    assert progress.complete
    assert progress.ended


@pytest.mark.parametrize("word", sorted(FAILURES))
def test_an_answer_that_ends_in_an_error_breaks_the_stream(word: str) -> None:
    with pytest.raises(StreamBroken, match=f"finish_reason {word}"):
        Progress(1).see(0, word)


def test_few_broken_chunks_are_forgiven() -> None:
    progress = Progress(1)
    for _ in range(MAX_MALFORMED):
        progress.skip(ValueError("odd"))
    with pytest.raises(UpstreamInvalid, match="more than 3 broken chunks, the last: odd"):
        progress.skip(ValueError("odd"))
