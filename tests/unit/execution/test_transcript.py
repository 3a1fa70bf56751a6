from __future__ import annotations

import asyncio

import pytest

from gearshift.execution import transcript
from gearshift.execution.outlet import Headers
from gearshift.execution.transcript import Transcript, prompt_text
from gearshift.protocols.openai_chat import codec
from gearshift.types.chat import Media, Message, Text
from gearshift.types.embedding import EmbeddingRequest
from tests.fakes.nouns import request
from tests.fakes.upstream import DONE, completion, event, stream_events


class Ear:
    """Be a caller that remembers what it was told, in order."""

    def __init__(self) -> None:
        self.started = False
        self.left = False
        self.heard: list[object] = []

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        self.heard.append((status, headers))

    async def write(self, data: bytes) -> None:
        self.heard.append(data)

    async def finish(self, data: bytes) -> None:
        self.heard.append(data)

    def abort(self) -> None:
        self.left = True


def keep(*pieces: bytes) -> tuple[Transcript, Ear]:
    ear = Ear()
    kept = Transcript(ear)

    async def speak() -> None:
        await kept.start(200, [])
        for piece in pieces[:-1]:
            await kept.write(piece)
        await kept.finish(pieces[-1])

    asyncio.run(speak())
    return kept, ear


def test_everything_is_passed_on_as_it_was() -> None:
    ear = Ear()
    assert not Transcript(ear).started
    assert not Transcript(ear).left
    Transcript(ear).abort()
    assert Transcript(ear).left
    kept, ear = keep(b"a", b"b")
    assert ear.heard == [(200, []), b"a", b"b"]
    assert kept.started


def test_a_whole_answer_is_kept_as_its_text() -> None:
    assert keep(completion("Hello"))[0].text(codec, stream=False) == "Hello"


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_is_kept_as_its_text_however_it_was_split(size: int) -> None:
    whole = b"".join(stream_events("Hel", "lo"))
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert keep(*pieces)[0].text(codec, stream=True) == "Hello"


def test_of_a_stream_that_breaks_what_came_is_kept() -> None:
    pieces = [event({"content": "Hel"}), event({"content": "lo"}), b'data: {"error":{"message":"x"}}\n\n']
    assert keep(*pieces)[0].text(codec, stream=True) == "Hello"


def test_a_refusal_is_kept_and_reasoning_is_not() -> None:
    pieces = [event({"reasoning_content": "hm"}), event({"refusal": "No."}), event({}, "stop"), DONE]
    assert keep(*pieces)[0].text(codec, stream=True) == "No."


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_no_text(stream: bool) -> None:
    assert keep(b'{"error":{"message":"no","code":"x"}}')[0].text(codec, stream=stream) is None


def test_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [event({"content": "a"}), event({"content": "b"}), event({"content": "c"})]
    monkeypatch.setattr(transcript, "MAX_KEPT", len(pieces[0]) * 2)
    assert keep(*pieces)[0].text(codec, stream=True) == "ab"


def test_the_prompt_is_the_text_of_the_last_user_turn() -> None:
    picture = Media(kind="image", url="https://example.com/a.png")
    turns = (
        Message(role="user", parts=(Text(text="first"),)),
        Message(role="user", parts=(Text(text="What is"), picture, Text(text="this?"))),
        Message(role="assistant", parts=(Text(text="A cat."),)),
    )
    assert prompt_text(request(messages=turns)) == "What is\nthis?"
    assert prompt_text(request(messages=())) == ""
    assert prompt_text(EmbeddingRequest(model="m", inputs=("secret",))) is None
