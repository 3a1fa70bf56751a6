"""Own requests as Converse's side hears them: a body to the noun. No caller of ours speaks it; the fakes do.

Invariants: each result of a tool is a message of its own, in front of what else the turn says; the system prompt is the
first message; the path says the model and whether the answer is streamed.
Source: botocore's model of bedrock-runtime, `ConverseRequest` (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.bedrock_converse.blocks import NAME, POINT, decode_blocks, decode_point
from gearshift.protocols.fields import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXTS,
    Misfit,
    keep,
    maybe,
    take,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.wishes import checked_name
from gearshift.types.chat import Message, Request, ResponseFormat, Role, Sampling, Text, Tool, ToolChoice, ToolResult

_PATH: Final = re.compile(r"/model/(?P<model>.+)/converse(?P<stream>-stream)?")
_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_MODES: Final = {"auto": "auto", "any": "required", "tool": "named"}


def decode_request(body: bytes, path: str = "") -> Request:
    """Parse a request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    place = _PATH.search(path)
    if place is None:
        raise InvalidRequest("found a path that is none of Converse's, expected /model/{modelId}/converse")
    try:
        return _decode(members, checked_name(unquote(place["model"]), "modelId"), stream=place["stream"] is not None)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def _decode(members: Members, model: str, *, stream: bool) -> Request:
    config = maybe(members, "inferenceConfig", OBJECT) or {}
    at = "inferenceConfig."
    sampling = Sampling(
        max_output_tokens=maybe(config, "maxTokens", INTEGER, at),
        temperature=maybe(config, "temperature", NUMBER, at),
        top_p=maybe(config, "topP", NUMBER, at),
        stop=tuple(maybe(config, "stopSequences", TEXTS, at) or ()),
    )
    keep(members, "inferenceConfig", config)
    messages = (*_system(members), *_messages(members))
    tools, choice = _tools(members)
    return Request(
        protocol=NAME,
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=choice,
        response_format=_form(members),
        sampling=sampling,
        stream=stream,
        service_tier=_tier(members),
        extra=members,
    )


def _system(members: Members) -> Iterator[Message]:
    parts = decode_blocks(maybe(members, "system", OBJECTS) or (), "system")
    for index, part in enumerate(parts):
        if not isinstance(part, Text):
            raise Misfit(f"system[{index}]", "found a block that is no text, expected text")
    if parts:
        yield Message(role="system", parts=parts)


def _messages(members: Members) -> Iterator[Message]:
    items = take(members, "messages", OBJECTS)
    if not items:
        raise Misfit("messages", "found none, expected at least one")
    for index, item in enumerate(items):
        try:
            yield from _message(item)
        except Misfit as misfit:
            raise misfit.within(f"messages[{index}]") from None


def _message(members: Members) -> Iterator[Message]:
    said = take(members, "role", TEXT)
    role = _ROLES.get(said)
    if role is None:
        raise Misfit("role", f"found {said[:32]!r}, expected one of {', '.join(_ROLES)}")
    told = decode_blocks(take(members, "content", OBJECTS), "content")
    rest = list(told)
    while rest and isinstance(rest[0], ToolResult):
        yield Message(role="tool", parts=(rest.pop(0),))
    if rest or not told:
        yield Message(role=role, parts=tuple(rest), extra=members)


def _tools(members: Members) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    config = maybe(members, "toolConfig", OBJECT)
    if config is None:
        return (), None
    tools: list[Tool] = []
    for index, item in enumerate(take(config, "tools", OBJECTS, "toolConfig.")):
        path = f"toolConfig.tools[{index}]"
        if POINT not in item:
            tools.append(_tool(item, f"{path}."))
        elif tools:
            tools[-1] = msgspec.structs.replace(tools[-1], cache=decode_point(item))
        else:
            raise Misfit(f"{path}.{POINT}", "found in front of every tool, expected it behind one")
    return tuple(tools), _choice(config)


def _tool(members: Members, at: str) -> Tool:
    spec = maybe(members, "toolSpec", OBJECT, at)
    if spec is None:
        return Tool(name=next(iter(members), ""), extra=members)
    at += "toolSpec."
    name, said = take(spec, "name", TEXT, at), take(spec, "inputSchema", OBJECT, at)
    schema = said.get("json", Raw(b"null"))
    OBJECT.read(schema, f"{at}inputSchema.json")
    return Tool(
        name=name,
        description=maybe(spec, "description", TEXT, at),
        parameters=schema,
        strict=maybe(spec, "strict", BOOLEAN, at),
        extra=spec,
    )


def _choice(config: Members) -> ToolChoice | None:
    said = maybe(config, "toolChoice", OBJECT, "toolConfig.")
    if said is None:
        return None
    word = next(iter(said), "")
    if word not in _MODES:
        raise Misfit("toolConfig.toolChoice", f"found {word[:32]!r}, expected one of {', '.join(_MODES)}")
    inner = OBJECT.read(said[word], f"toolConfig.toolChoice.{word}")
    name = take(inner, "name", TEXT, "toolConfig.toolChoice.tool.") if word == "tool" else None
    return msgspec.convert({"mode": _MODES[word], "name": name}, ToolChoice)


def _form(members: Members) -> ResponseFormat | None:
    config = maybe(members, "outputConfig", OBJECT) or {}
    form = maybe(config, "textFormat", OBJECT, "outputConfig.")
    keep(members, "outputConfig", config)
    if form is None:
        return None
    at = "outputConfig.textFormat."
    said = take(take(form, "structure", OBJECT, at), "jsonSchema", OBJECT, f"{at}structure.")
    at += "structure.jsonSchema."
    schema = Raw(take(said, "schema", TEXT, at).encode())
    OBJECT.read(schema, f"{at}schema")
    return ResponseFormat(kind="json_schema", name=maybe(said, "name", TEXT, at), schema=schema, extra=said)


def _tier(members: Members) -> str | None:
    tier = maybe(members, "serviceTier", OBJECT)
    return None if tier is None else take(tier, "type", TEXT, "serviceTier.")
