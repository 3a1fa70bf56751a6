from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.answer import Card, End, FunctionModel, Piece, Prompt, Turn, count_tokens, cut

CARD = Card(id="echo", owned_by="test", description="says it again", simulated=True)


def pieces_of(model: FunctionModel, prompt: Prompt) -> list[Piece]:
    async def collect() -> list[Piece]:
        return [piece async for piece in model.answer(prompt)]

    return asyncio.run(collect())


def test_the_question_is_the_last_user_message() -> None:
    turns = (Turn(role="user", text="first"), Turn(role="user", text="last"), Turn(role="assistant", text="so"))
    assert Prompt(turns=turns).question == "last"
    assert Prompt(turns=turns[2:]).question == ""


def test_an_answer_is_words_and_an_honest_end() -> None:
    model = FunctionModel(CARD, lambda question: f"You said:\n {question}")
    turns = (Turn(role="system", text="Be kind."), Turn(role="user", text="caf\u00e9 au lait"))
    *words, end = pieces_of(model, Prompt(turns=turns))
    assert words == ["You ", "said:\n ", "caf\u00e9 ", "au ", "lait"]
    assert isinstance(end, End)
    assert end.finish_reason == "stop"
    assert end.usage.input_tokens == 2 + 4  # 8 and 13 bytes of UTF-8
    assert end.usage.output_tokens == count_tokens("You said:\n caf\u00e9 au lait") == 6


def test_max_tokens_cuts_the_answer_and_says_so() -> None:
    model = FunctionModel(CARD, lambda _: "one two three four")
    *words, end = pieces_of(model, Prompt(turns=(Turn(role="user", text="go"),), max_tokens=2))
    assert "".join(word for word in words if isinstance(word, str)) == "one two "
    assert isinstance(end, End)
    assert (end.finish_reason, end.usage.output_tokens) == ("length", 2)


@pytest.mark.parametrize(
    ("stop", "left"), [(("two",), "one "), (("three", "one"), ""), (("absent", ""), "one two three")]
)
def test_a_stop_sequence_cuts_the_answer(stop: tuple[str, ...], left: str) -> None:
    assert cut("one two three", Prompt(turns=(), stop=stop)) == (left, "stop")


@given(st.text(), st.integers(1, 20))
def test_a_cut_text_is_never_longer_than_max_tokens(text: str, limit: int) -> None:
    left, reason = cut(text, Prompt(turns=(), max_tokens=limit))
    assert count_tokens(left) <= limit
    assert text.startswith(left)
    assert (reason == "stop") == (left == text)


def test_the_first_token_may_take_its_time() -> None:
    asked: list[str] = []

    def wait(question: str) -> float:
        asked.append(question)
        return 0.0

    pieces_of(FunctionModel(CARD, str, first_token=wait), Prompt(turns=(Turn(role="user", text="hi"),)))
    assert asked == ["hi"]
