from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gearshift.simulate import smol
from gearshift.simulate.answer import AnswerRefused, End, Piece, Prompt, Turn
from gearshift.simulate.smol import CONTEXT_TOKENS, Smol, available, weights_path

Chunk = dict[str, Any]
Emit = Callable[[Chunk], bool]
HELLO = Prompt(turns=(Turn(role="user", text="What is 7+5?"),), max_tokens=8)


class FakeEngine:
    """Run a test's function on the model's thread, as the native engine runs a prompt."""

    def __init__(self, run: Callable[[Chunk, Emit], None]) -> None:
        self.run = run

    def handle_chat_completions(self, body: Chunk, emit: Emit, /) -> None:
        self.run(body, emit)


async def loaded(model: Smol) -> Smol:
    """Wait until the model has loaded or failed: its thread takes one job at a time, loading first."""
    async with asyncio.timeout(60):
        while model.state == "loading":  # noqa: ASYNC110 - a caller sees the state and nothing else
            await asyncio.sleep(0.01)
    return model


async def pieces_of(model: Smol, prompt: Prompt = HELLO) -> list[Piece]:
    return [piece async for piece in model.answer(prompt)]


def test_the_real_model_answers_in_pieces_with_its_own_token_counts() -> None:
    async def ask() -> list[Piece]:
        return await pieces_of(await loaded(Smol()))

    assert available() is None
    *texts, end = asyncio.run(ask())
    assert len(texts) > 3
    assert "".join(text for text in texts if isinstance(text, str)).startswith("7 + 5 = 12")
    assert isinstance(end, End)
    assert (end.finish_reason, end.usage.output_tokens) == ("length", 8)
    assert 30 < end.usage.input_tokens < 45  # the chat template's own words count


def test_the_real_model_stops_for_a_caller_that_leaves_and_refuses_what_is_too_long() -> None:
    async def leave_and_return() -> list[Piece]:
        model = await loaded(Smol())
        story = Prompt(turns=(Turn(role="user", text="Tell a story."),), max_tokens=1500)
        abandoned = model.answer(story)
        await anext(abandoned)
        await abandoned.aclose()
        async with asyncio.timeout(5):  # 1500 tokens would take longer
            pieces = await pieces_of(model)
        with pytest.raises(AnswerRefused, match="exceeds the available context size") as caught:
            await pieces_of(model, Prompt(turns=(Turn(role="user", text="word " * (CONTEXT_TOKENS + 1)),)))
        assert (caught.value.status, caught.value.code) == (400, "context_length_exceeded")
        return pieces

    assert isinstance(asyncio.run(leave_and_return())[-1], End)


def test_while_it_loads_it_asks_to_come_back() -> None:
    let_go = threading.Event()

    def load() -> FakeEngine:
        let_go.wait(30)
        return FakeEngine(lambda _body, _emit: None)

    async def ask() -> None:
        model = Smol(load)
        try:
            assert model.state == "loading"
            with pytest.raises(AnswerRefused, match="loading") as caught:
                await pieces_of(model)
            assert (caught.value.status, caught.value.retry_after) == (503, 1)
        finally:
            let_go.set()
        assert (await loaded(model)).state == "ready"

    asyncio.run(ask())


def test_a_model_that_cannot_be_loaded_says_why() -> None:
    def load() -> FakeEngine:
        raise RuntimeError("the file is cut")

    async def ask() -> None:
        model = await loaded(Smol(load))
        assert model.state == "failed: the file is cut"
        with pytest.raises(AnswerRefused, match="the file is cut") as caught:
            await pieces_of(model)
        assert (caught.value.status, caught.value.retry_after) == (503, None)

    asyncio.run(ask())


def test_the_prompt_reaches_the_engine_greedy_and_bounded() -> None:
    bodies: list[Chunk] = []

    async def ask() -> None:
        model = await loaded(Smol(lambda: FakeEngine(lambda body, _: bodies.append(body))))
        await pieces_of(model, Prompt(turns=(Turn(role="user", text="Hi"),), stop=("\n",)))
        await pieces_of(model, Prompt(turns=(), max_tokens=5, temperature=0.7))

    asyncio.run(ask())
    assert bodies[0]["messages"] == [{"role": "user", "content": "Hi"}]
    assert [bodies[0][key] for key in ("max_tokens", "temperature", "stop")] == [96, 0.0, ["\n"]]
    assert [bodies[1][key] for key in ("max_tokens", "temperature", "stop")] == [5, 0.7, []]


def test_what_the_engine_cannot_use_is_refused() -> None:
    def run(_body: Chunk, _emit: Emit) -> None:
        raise ValueError("unknown role")

    async def ask() -> None:
        with pytest.raises(AnswerRefused, match="unknown role") as caught:
            await pieces_of(await loaded(Smol(lambda: FakeEngine(run))))
        assert caught.value.status == 400

    asyncio.run(ask())


def test_the_engine_is_told_to_stop() -> None:
    told = threading.Event()

    def run(_body: Chunk, emit: Emit) -> None:
        chunk = {"choices": [{"finish_reason": None, "delta": {"content": "more "}}]}
        while not emit(chunk):
            pass
        told.set()

    async def leave() -> None:
        answer = (await loaded(Smol(lambda: FakeEngine(run)))).answer(HELLO)
        assert await anext(answer) == "more "
        await answer.aclose()
        assert await asyncio.to_thread(told.wait, 5)

    asyncio.run(leave())


def test_the_weights_are_found_without_importing_their_package() -> None:
    assert weights_path().suffix == ".gguf"


@pytest.mark.parametrize(
    ("attribute", "name", "reason"),
    [
        ("WEIGHTS", "no-such-package", r"no-such-package \(the weights\) is not installed"),
        ("WEIGHTS", "pytest", r"pytest holds no \.gguf file"),
        ("ENGINE", "no_such_module", r"no_such_module \(the engine\) is not installed"),
    ],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, attribute: str, name: str, reason: str) -> None:
    monkeypatch.setattr(smol, attribute, name)
    assert re.search(reason, available() or "")
