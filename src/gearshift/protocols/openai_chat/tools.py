"""Own tools, the choice among them, and the form of the answer: wire to nouns and back.

Invariants: a tool of a type other than `function` carries all its members, `type` too, in `extra`, and is said again as
it came; a `tool_choice` or `response_format` of a kind without a noun gives None, and its caller keeps it raw.
Source: the OpenAI API reference, "Create chat completion" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.fields import BOOLEAN, CACHE, OBJECT, TEXT, Kind, Spoken, keep, mark, maybe, say_mark, take
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import ResponseFormat, Tool, ToolChoice

CHOICE: Final[Kind[str | Members | None]] = Kind(
    msgspec.json.Decoder(str | dict[str, Raw] | None), "a string or an object"
)


def decode_tool(members: Members) -> Tool:
    """Give a tool."""
    kind = TEXT.read(members["type"], "type") if "type" in members else "function"
    if kind != "function":
        return Tool(name=_other_name(members, kind), extra=members)
    members.pop("type", None)
    inner = take(members, "function", OBJECT)
    name = take(inner, "name", TEXT, "function.")
    description = maybe(inner, "description", TEXT, "function.")
    strict = maybe(inner, "strict", BOOLEAN, "function.")
    parameters = inner.get("parameters")
    if maybe(inner, "parameters", OBJECT, "function.") is None:
        parameters = None
    keep(members, "function", inner)
    cache = mark(members, CACHE)
    return Tool(name=name, description=description, parameters=parameters, strict=strict, cache=cache, extra=members)


def encode_tool(tool: Tool) -> Spoken:
    """Say a tool."""
    if "type" in tool.extra:
        return dict(tool.extra)
    function = _said(name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict)
    if "function" in tool.extra:
        function.update(OBJECT.read(tool.extra["function"], "function"))
    return {"type": "function", **say_mark(tool.cache), **tool.extra, "function": function}


def decode_choice(raw: Raw) -> ToolChoice | None:
    """Give the choice among tools."""
    choice = CHOICE.read(raw, "tool_choice")
    match choice:
        case "auto" | "none" | "required":
            return ToolChoice(mode=choice)
        case dict() if bytes(choice.pop("type", raw)) == b'"function"':
            inner = take(choice, "function", OBJECT, "tool_choice.")
            name = take(inner, "name", TEXT, "tool_choice.function.")
            return None if inner or choice else ToolChoice(mode="named", name=name)
        case _:
            return None


def encode_choice(choice: ToolChoice) -> str | Spoken:
    """Say the choice among tools."""
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def decode_format(members: Members) -> ResponseFormat | None:
    """Give the form that the answer must take."""
    kind = TEXT.read(members["type"], "response_format.type") if "type" in members else None
    extra = {name: raw for name, raw in members.items() if name != "type"}
    match kind:
        case "text" | "json_object":
            return ResponseFormat(kind=kind, extra=extra)
        case "json_schema":
            return _decode_schema(extra)
        case _:
            return None


def _decode_schema(extra: Members) -> ResponseFormat:
    inner = take(extra, "json_schema", OBJECT, "response_format.")
    at = "response_format.json_schema."
    name = take(inner, "name", TEXT, at)
    strict = maybe(inner, "strict", BOOLEAN, at)
    schema = inner.get("schema")
    if maybe(inner, "schema", OBJECT, at) is None:
        schema = None
    keep(extra, "json_schema", inner)
    return ResponseFormat(kind="json_schema", name=name, schema=schema, strict=strict, extra=extra)


def encode_format(form: ResponseFormat) -> Spoken:
    """Say the form that the answer must take."""
    if form.kind != "json_schema":
        return {"type": form.kind, **form.extra}
    inner = _said(name=form.name or "response", schema=form.schema, strict=form.strict)
    if "json_schema" in form.extra:
        inner.update(OBJECT.read(form.extra["json_schema"], "json_schema"))
    return {"type": "json_schema", **form.extra, "json_schema": inner}


def _said(**members: object) -> Spoken:
    """Leave out what is None."""
    return {name: value for name, value in members.items() if value is not None}


class _Named(msgspec.Struct):
    name: str = ""


_named = Kind(msgspec.json.Decoder(_Named), "an object")


def _other_name(members: Members, kind: str) -> str:
    """Give the name of a tool that is not a function: a custom tool has one, a built-in one is called by its type."""
    return _named.read(members["custom"], "custom").name or kind if "custom" in members else kind
