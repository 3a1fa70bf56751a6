"""What `decode_plain` reads is what `decode_parts` reads step by step, and what it leaves is read there."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit, Spoken
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.parts import decode_part
from gearshift.protocols.gemini.plain import arguments_of, decode_functions, decode_plain, output_of
from gearshift.types.chat import Part, Tool

CALL: Spoken = {"functionCall": {"name": "read", "id": "c1", "args": {"path": "a.py"}}}
BARE: Spoken = {"functionCall": {"name": "read"}}
ANSWER: Spoken = {"functionResponse": {"name": "read", "id": "c1", "response": {"output": "x = 1"}}}


def plain(*parts: object) -> tuple[Part, ...] | None:
    return decode_plain(Raw(msgspec.json.encode(parts)), Calls())


def stepwise(*parts: object) -> tuple[Part, ...]:
    calls = Calls()
    spoken = [msgspec.json.decode(msgspec.json.encode(part), type=dict[str, Raw]) for part in parts]
    return tuple(said for part in spoken for said in decode_part(part, calls))


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"text": "Look"}],
        [{"text": ""}, {"text": "é"}],
        [CALL, ANSWER],
        [BARE, BARE, {"functionResponse": {"name": "read"}}],
        [{"text": "first"}, {"functionCall": {"name": "read", "id": None, "args": None}}],
        [{"functionResponse": {"name": "read", "response": {"error": "no such file"}}}],
        [{"functionResponse": {"name": "read", "response": {"lines": 3}}}],
        [{"functionResponse": {"name": "read", "response": {"output": {"deep": True}}}}],
    ],
)
def test_what_is_plain_is_read_as_step_by_step(parts: list[Spoken]) -> None:
    assert plain(*parts) == stepwise(*parts)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"text": None},
        {"text": 3},
        {"text": "a", "thought": True},
        {"text": "a", **CALL},
        {**CALL, **ANSWER},
        {**CALL, "thoughtSignature": "abc="},
        {"function_call": {"name": "read"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"functionCall": {"name": "read", "args": [1]}},
        {"functionCall": {"name": "read", "willContinue": True}},
        {"functionResponse": {"name": "read", "response": "text"}},
        {"functionResponse": {"name": "read", "parts": []}},
    ],
)
def test_what_says_more_is_left(part: Spoken) -> None:
    assert plain({"text": "before"}, part) is None


def test_what_is_left_has_given_no_call_an_id() -> None:
    calls = Calls()
    assert decode_plain(Raw(msgspec.json.encode([BARE, {"text": "a", "thought": True}])), calls) is None
    assert calls.called("read", None) == "gemini-call-0"


def test_no_list_is_left() -> None:
    assert decode_plain(Raw(b'{"text":"a"}'), Calls()) is None
    assert decode_plain(Raw(b"null"), Calls()) is None


def test_arguments_keep_their_bytes() -> None:
    assert arguments_of(Raw(b'{ "n": 1.0 }')) == '{ "n": 1.0 }'
    assert arguments_of(Raw(b"null")) == arguments_of(Raw()) == "{}"
    with pytest.raises(Misfit, match=r"^functionCall\.args: found a list, expected an object"):
        arguments_of(Raw(b"[]"))


def test_an_output_is_text_and_anything_else_itself() -> None:
    assert output_of(Raw(b'{"output":"done"}')) == ("done", None)
    assert output_of(Raw(b'{"error":"no"}')) == ("no", True)
    assert output_of(Raw(b'{"output":"done","error":"no"}')) == ('{"output":"done","error":"no"}', None)
    assert output_of(Raw(b"null")) == output_of(Raw()) == ("{}", None)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ({}, None),
        ({"parametersJsonSchema": None}, None),
        ({"parametersJsonSchema": {"type": "object"}}, b'{"type":"object"}'),
        ({"parameters": {"type": "OBJECT"}}, b'{"type":"object"}'),
        ({"parametersJsonSchema": {}, "parameters": {"type": "OBJECT"}}, b'{"type":"object"}'),
    ],
)
def test_functions_are_tools(function: Spoken, parameters: bytes | None) -> None:
    spoken = msgspec.json.encode([{"functionDeclarations": [{"name": "f", "description": "d", **function}]}])
    schema = None if parameters is None else Raw(parameters)
    assert decode_functions(Raw(spoken)) == [Tool(name="f", description="d", parameters=schema)]


@pytest.mark.parametrize(
    "tool",
    [
        {"googleSearch": {}},
        {"functionDeclarations": [{"name": "f"}], "googleSearch": {}},
        {"function_declarations": [{"name": "f"}]},
        {"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]},
        {"functionDeclarations": [{"name": "f", "parameters": []}]},
        {"functionDeclarations": [{}]},
    ],
)
def test_tools_that_say_more_are_left(tool: Spoken) -> None:
    assert decode_functions(Raw(msgspec.json.encode([tool]))) is None
