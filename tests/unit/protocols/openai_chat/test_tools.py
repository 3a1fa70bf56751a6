from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openai_chat.tools import (
    decode_choice,
    decode_format,
    decode_tool,
    encode_choice,
    encode_format,
    encode_tool,
)
from gearshift.types.chat import ResponseFormat, Tool, ToolChoice


def members(said: bytes) -> dict[str, Raw]:
    return msgspec.json.decode(said, type=dict[str, Raw])


TOOLS = [
    (b'{"type":"function","function":{"name":"f"}}', Tool(name="f")),
    (
        b'{"type":"function","x":1,"function":{"name":"f","description":"d","parameters":{ },"strict":true,"z":2}}',
        Tool(
            name="f",
            description="d",
            parameters=Raw(b"{ }"),
            strict=True,
            extra={"x": Raw(b"1"), "function": Raw(b'{"z":2}')},
        ),
    ),
    (
        b'{"type":"custom","custom":{"name":"sh","format":{"type":"text"}}}',
        Tool(name="sh", extra=members(b'{"type":"custom","custom":{"name":"sh","format":{"type":"text"}}}')),
    ),
    (b'{"type":"browser_search"}', Tool(name="browser_search", extra={"type": Raw(b'"browser_search"')})),
]


@pytest.mark.parametrize(("wire", "tool"), TOOLS, ids=[tool.name for _, tool in TOOLS])
def test_a_tool_is_read_and_said_as_it_was(wire: bytes, tool: Tool) -> None:
    assert decode_tool(members(wire)) == tool
    assert msgspec.json.decode(msgspec.json.encode(encode_tool(tool))) == msgspec.json.decode(wire)


def test_null_members_of_a_function_say_nothing() -> None:
    wire = b'{"function":{"name":"f","description":null,"parameters":null,"strict":null}}'
    assert decode_tool(members(wire)) == Tool(name="f")


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        (b"{}", "function: missing, expected an object"),
        (b'{"type":5}', "type: found a number, expected a string"),
        (b'{"function":{"name":"f","parameters":[]}}', "function.parameters: found a list, expected an object"),
        (b'{"function":{"name":"f","strict":1}}', "function.strict: found a number, expected a boolean"),
        (b'{"function":{"name":"f","description":1}}', "function.description: found a number, expected a string"),
        (b'{"type":"custom","custom":5}', "custom: found a number, expected an object"),
    ],
)
def test_a_wrong_tool_is_told_by_its_path(wire: bytes, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_tool(members(wire))
    assert str(caught.value) == fault


CHOICES = [
    (b'"auto"', ToolChoice(mode="auto")),
    (b'"none"', ToolChoice(mode="none")),
    (b'"required"', ToolChoice(mode="required")),
    (b'{"type":"function","function":{"name":"f"}}', ToolChoice(mode="named", name="f")),
]


@pytest.mark.parametrize(("wire", "choice"), CHOICES)
def test_a_choice_is_read_and_said_as_it_was(wire: bytes, choice: ToolChoice) -> None:
    assert decode_choice(Raw(wire)) == choice
    assert msgspec.json.encode(encode_choice(choice)) == wire


@pytest.mark.parametrize(
    "wire",
    [
        b"null",
        b'"any"',
        b'{"type":"custom","custom":{"name":"x"}}',
        b'{"type":"function","function":{"name":"f","x":1}}',
        b'{"type":"function","function":{"name":"f"},"x":1}',
        b"{}",
    ],
)
def test_a_choice_without_a_noun_is_left_to_its_caller(wire: bytes) -> None:
    assert decode_choice(Raw(wire)) is None


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        (b"5", "tool_choice: found a number, expected a string or an object"),
        (b'{"type":"function"}', "tool_choice.function: missing, expected an object"),
        (b'{"type":"function","function":{}}', "tool_choice.function.name: missing, expected a string"),
    ],
)
def test_a_wrong_choice_is_told_by_its_path(wire: bytes, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_choice(Raw(wire))
    assert str(caught.value) == fault


FORMATS = [
    (b'{"type":"text"}', ResponseFormat(kind="text")),
    (b'{"type":"json_object","schema":{}}', ResponseFormat(kind="json_object", extra={"schema": Raw(b"{}")})),
    (
        b'{"type":"json_schema","json_schema":{"name":"n","schema":{ "a":1.0},"strict":true,"description":"d"},"x":1}',
        ResponseFormat(
            kind="json_schema",
            name="n",
            schema=Raw(b'{ "a":1.0}'),
            strict=True,
            extra={"x": Raw(b"1"), "json_schema": Raw(b'{"description":"d"}')},
        ),
    ),
    (b'{"type":"json_schema","json_schema":{"name":"n"}}', ResponseFormat(kind="json_schema", name="n")),
]


@pytest.mark.parametrize(("wire", "form"), FORMATS, ids=[form.kind for _, form in FORMATS])
def test_a_form_is_read_and_said_as_it_was(wire: bytes, form: ResponseFormat) -> None:
    assert decode_format(members(wire)) == form
    assert msgspec.json.decode(msgspec.json.encode(encode_format(form))) == msgspec.json.decode(wire)


@pytest.mark.parametrize("wire", [b"{}", b'{"type":"grammar"}'])
def test_a_form_without_a_noun_is_left_to_its_caller(wire: bytes) -> None:
    assert decode_format(members(wire)) is None


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        (b'{"type":"json_schema"}', "response_format.json_schema: missing, expected an object"),
        (b'{"type":"json_schema","json_schema":{}}', "response_format.json_schema.name: missing, expected a string"),
        (
            b'{"type":"json_schema","json_schema":{"name":"n","schema":"s"}}',
            "response_format.json_schema.schema: found a string, expected an object",
        ),
        (
            b'{"type":"json_schema","json_schema":{"name":"n","strict":"s"}}',
            "response_format.json_schema.strict: found a string, expected a boolean",
        ),
    ],
)
def test_a_wrong_form_is_told_by_its_path(wire: bytes, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_format(members(wire))
    assert str(caught.value) == fault
