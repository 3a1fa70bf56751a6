from __future__ import annotations

from msgspec.structs import replace

from gearshift.protocols.marks import is_marked
from gearshift.types.chat import CacheMark, Message, Reasoning, Refusal, Text, Tool
from tests.fakes.nouns import request

MARK = CacheMark()


def test_a_mark_is_found_wherever_it_stands() -> None:
    assert is_marked(replace(request(), cache=MARK))
    assert is_marked(replace(request(), tools=(Tool(name="f"), Tool(name="g", cache=MARK))))
    assert is_marked(replace(request(), messages=(Message(role="user", parts=(Text(text="a", cache=MARK),)),)))


def test_most_requests_have_none() -> None:
    said = Message(role="assistant", parts=(Reasoning(text="hm"), Refusal(text="no"), Text(text="a")))
    assert not is_marked(replace(request(), messages=(said,), tools=(Tool(name="f"),)))
