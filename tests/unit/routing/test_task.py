import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.routing.task import LONG, task_of
from gearshift.types.chat import (
    Media,
    Message,
    Request,
    ResponseFormat,
    Task,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tests.unit.routing.scene import IMAGE, request, says

SOUND = Media(kind="audio", data="AAAA")


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Hello, how are you?", "chat"),
        ("who wrote the opera carmen", "chat"),
        ("How much do you love me?", "chat"),
        ("", "chat"),
        ("Write a python function to remove odd digits from a string.", "code"),
        ("def mean(xs):\n    return sum(xs) / 2", "code"),
        ("Why does this fail?\n```\nint main() { return 0; }\n```", "code"),
        ("What does SELECT name FROM users WHERE id = 3 give in SQL?", "code"),
        ("Tom has 12 apples and gives half of them to 2 friends. How many are left?", "math"),
        ("Compute $\\frac{3}{4} + \\sqrt{2}$.", "math"),
        ("What is 17 * 23?", "math"),
        ("Translate to French: the cat sleeps on the mat.", "translation"),
        ("Übersetze das ins Englische: Guten Tag", "translation"),
        ("Extract all names and dates from the following email.", "extraction"),
        ("Summarize this article in two sentences.", "extraction"),
        ("Write a short poem about the sea.", "writing"),
        ("Draft a persuasive blog post about tea.", "writing"),
        ('Weather?\n[{"name": "w", "parameters": {"type": "object", "properties": {}}}]', "tools"),
    ],
)
def test_words_tell(text: str, task: Task) -> None:
    assert task_of(request(text=text)) == task


@pytest.mark.parametrize(
    ("asked", "task"),
    [
        (Request(model="a", messages=(says(Text(text="hi"), IMAGE),), tools=(Tool(name="f"),)), "tools"),
        (Request(model="a", messages=(says(ToolCall(id="1", name="f", arguments="{}")),)), "tools"),
        (Request(model="a", messages=(says(ToolResult(call_id="1", parts=())),)), "tools"),
        (Request(model="a", messages=(says(IMAGE, Text(text="Write a poem about it.")),)), "vision"),
        (Request(model="a", messages=(says(SOUND, Text(text="Write a short poem.")),)), "writing"),
        (
            Request(model="a", messages=(says(Text(text="hi")),), response_format=ResponseFormat(kind="json_object")),
            "structured",
        ),
        (
            Request(model="a", messages=(says(Text(text="hi")),), response_format=ResponseFormat(kind="text")),
            "chat",
        ),
        (Request(model="a", messages=(says(Text(text="x" * LONG)),)), "long_context"),
        (Request(model="a", messages=(says(Text(text="x" * (LONG // 2))),) * 2), "long_context"),
        (Request(model="a", messages=(says(Text(text="x" * (LONG - 1))),)), "chat"),
        (Request(model="a", messages=()), "chat"),
    ],
)
def test_the_form_goes_before_the_words(asked: Request, task: Task) -> None:
    assert task_of(asked) == task


def test_the_last_user_turn_counts() -> None:
    turns = (
        says(Text(text="Write a short poem about the sea.")),
        Message(role="assistant", parts=(Text(text="def f(): pass"),)),
        says(Text(text="Thanks!")),
        Message(role="assistant", parts=(Text(text="```x```"),)),
    )
    assert task_of(Request(model="a", messages=turns)) == "chat"
    assert task_of(Request(model="a", messages=turns[:2])) == "writing"


def test_of_a_long_text_head_and_tail_count() -> None:
    filler = "lorem ipsum " * 1000
    assert task_of(request(text=f"Translate into French: {filler}")) == "translation"
    assert task_of(request(text=f"{filler} Summarize the above.")) == "extraction"
    assert task_of(request(text=f"{filler} Summarize the above. {filler}")) == "chat"


@given(st.text(max_size=300))
def test_any_text_has_a_task_and_always_the_same(text: str) -> None:
    found = task_of(request(text=text))
    assert found in get_args(Task)
    assert task_of(request(text=text)) == found


@pytest.mark.parametrize(
    "text", ["translate " * 3000, "$" * 9000, "a^" * 9000, "\n" * 9000, "select " * 3000, "write a " * 3000]
)
def test_no_text_stalls_it(text: str) -> None:
    began = time.perf_counter()
    task_of(request(text=text))
    assert time.perf_counter() - began < 0.1  # under a millisecond on an idle machine; the bound is for a busy one
