from __future__ import annotations

import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.protocols.registry import CODECS
from gearshift.protocols.way import Way, unsaid, untold
from gearshift.types.chat import CacheMark, Media, Message, Part, Request, Text, Tool, ToolResult
from gearshift.types.record import Loss
from tests.fakes.nouns import request

GEMINI = CODECS["gemini"]
ITEM = Message(role="user", parts=(), extra={"item": Raw(b'{"type":"mcp"}')})
ODD = {"odd": Raw(b"1"), "nothing": Raw(b"null")}


def led(asked: Request) -> tuple[Request, list[Loss]]:
    losses: list[Loss] = []
    return Way(GEMINI, losses, InvalidRequest).cross(asked, ""), losses


def says(*parts: Part) -> Request:
    return replace(request(), messages=(Message(role="user", parts=parts),))


def test_a_request_of_nothing_but_nouns_comes_out_as_it_was() -> None:
    asked = replace(says(Text(text="Hi", cache=CacheMark())), tools=(Tool(name="f"),))
    assert led(asked) == (asked, [])
    assert led(asked)[0] is asked


def test_what_only_its_own_protocol_says_stays_behind_and_is_told_by_its_place() -> None:
    inner = Text(text="42", extra=ODD)
    told, losses = led(says(Text(text="Hi"), ToolResult(call_id="c", parts=(inner,), extra={"more": Raw(b"2")})))
    assert told == says(Text(text="Hi"), ToolResult(call_id="c", parts=(Text(text="42"),)))
    assert {loss.field for loss in losses} == {"messages[0].parts[1].more", "messages[0].parts[1].parts[0].odd"}
    assert {loss.kind for loss in losses} == {"dropped"}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (says(Media(kind="file")), "messages[0].parts[0].file: gemini has no words"),
        (replace(request(), tools=(Tool(name="x", extra={"type": Raw(b'"web_search"')}),)), "tools[0].type=web_search"),
        (says(Media(kind="image", url="u", extra={"type": Raw(b"7")})), "messages[0].parts[0].type=?"),
        (
            replace(request(), messages=(Message(role="user", parts=(), extra={"item": Raw(b'{"type":"mcp"}')}),)),
            "=mcp",
        ),
    ],
)
def test_a_noun_that_is_nothing_else_is_refused(asked: Request, named: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        led(asked)
    assert named in refused.value.message


def test_the_words_of_a_field_that_cannot_be_said() -> None:
    assert untold("n", GEMINI).startswith("n: gemini has no words for it")
    assert unsaid("n", GEMINI) == Loss(field="n", kind="dropped", detail="gemini has no such field")
