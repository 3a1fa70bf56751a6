"""Own requests on their way in: a caller's body to the noun.

Invariants: as in `openai_chat.request`. `instructions` are the first message, of the role `system`.
Source: the OpenAI API reference, "Create a model response" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.fields import (
    ABSENT,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    OBJECT,
    OBJECTS,
    POSITIVE,
    TAGS,
    TEXT,
    TEXTS,
    Kind,
    Misfit,
    each,
    keep,
    maybe,
    raw,
    take,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.namespaces import NAMESPACE
from gearshift.protocols.openai_responses.items import NAME, take_input
from gearshift.protocols.places import Turns
from gearshift.protocols.steering import decode_routing, take_model
from gearshift.types.chat import APART, Message, Request, ResponseFormat, Sampling, Text, Tool, ToolChoice

LOGPROBS: Final = "message.output_text.logprobs"
"""The word of `include` that asks for probabilities."""
_SPACE: Final = b'"namespace"'
_FUNCTION: Final = b'"function"'
_CHOICE: Final[Kind[str | Members | None]] = Kind(
    msgspec.json.Decoder(str | dict[str, Raw] | None), "a string or an object"
)


def decode_request(body: bytes, path: str = "") -> Request:  # noqa: ARG001 - the body says it all
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return _decode(members)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def _decode(members: Members) -> Request:
    model = take_model(members)
    turns = Turns()
    turns.add(APART, _instructions(members))
    _take_input(members, turns)
    form, verbosity = _text(members)
    included = maybe(members, "include", TEXTS) or []
    if rest := [word for word in included if word != LOGPROBS]:
        members["include"] = raw(rest)
    effort, shown = _reasoning(members)
    return Request(
        protocol=NAME,
        model=model,
        messages=tuple(turns.messages),
        places=turns.places,
        tools=tuple(chain.from_iterable(each(maybe(members, "tools", OBJECTS) or (), _spread, "tools"))),
        tool_choice=_tool_choice(members),
        parallel_tool_calls=maybe(members, "parallel_tool_calls", BOOLEAN),
        response_format=form,
        sampling=Sampling(
            max_output_tokens=maybe(members, "max_output_tokens", POSITIVE),
            temperature=maybe(members, "temperature", NUMBER),
            top_p=maybe(members, "top_p", NUMBER),
            logprobs=True if LOGPROBS in included else None,
            top_logprobs=maybe(members, "top_logprobs", INTEGER),
            reasoning_effort=effort,
            reasoning_shown=shown,
            verbosity=verbosity,
        ),
        stream=maybe(members, "stream", BOOLEAN) or False,
        user=maybe(members, "user", TEXT),
        service_tier=maybe(members, "service_tier", TEXT),
        truncation=maybe(members, "truncation", TEXT),
        metadata=maybe(members, "metadata", TAGS) or {},
        routing=decode_routing(members),
        extra=members,
    )


def _instructions(members: Members) -> Iterator[Message]:
    said = maybe(members, "instructions", TEXT)
    if said is not None:
        yield Message(role="system", parts=(Text(text=said),))


def _take_input(members: Members, turns: Turns) -> None:
    spoken = members.pop("input", None)
    taken = 0 if spoken is None else take_input(spoken, turns)
    kept = ("previous_response_id", "conversation", "prompt")
    if not taken and all(bytes(members.get(name, Raw(NULL))) == NULL for name in kept):
        found = "missing" if spoken is None else "found an empty list"
        raise Misfit("input", f"{found}, expected a string or a list of at least one item")


def _text(members: Members) -> tuple[ResponseFormat | None, str | None]:
    """Give the form and the length that the answer shall have."""
    inner = maybe(members, "text", OBJECT)
    if inner is None:
        return None, None
    verbosity = maybe(inner, "verbosity", TEXT, "text.")
    form = maybe(inner, "format", OBJECT, "text.")
    keep(members, "text", inner)
    if form is None:
        return None, verbosity
    at = "text.format."
    kind = take(form, "type", TEXT, at)
    match kind:
        case "text" | "json_object":
            return ResponseFormat(kind=kind, extra=form), verbosity
        case "json_schema":
            name, strict = take(form, "name", TEXT, at), maybe(form, "strict", BOOLEAN, at)
            OBJECT.read(form.get("schema", Raw(NULL)), "text.format.schema")
            schema = form.pop("schema")
            return ResponseFormat(kind=kind, name=name, schema=schema, strict=strict, extra=form), verbosity
        case _:
            raise Misfit("text.format.type", f"found {kind[:32]!r}, expected text, json_object or json_schema")


def _reasoning(members: Members) -> tuple[str | None, str | None]:
    inner = maybe(members, "reasoning", OBJECT) or {}
    at = "reasoning."
    effort, shown = maybe(inner, "effort", TEXT, at), maybe(inner, "summary", TEXT, at)
    older = maybe(inner, "generate_summary", TEXT, at)
    keep(members, "reasoning", inner)
    return effort, shown or older


def _spread(members: Members) -> tuple[Tool, ...]:
    """Give a tool; of a namespace of nothing but functions, each of these."""
    inner = maybe(dict(members), "tools", OBJECTS) or [] if bytes(members.get("type", ABSENT)) == _SPACE else []
    functions = [item for item in inner if bytes(item.get("type", ABSENT)) == _FUNCTION]
    if not inner or len(functions) < len(inner) or maybe(dict(members), "name", TEXT) is None:
        return (_tool(members),)
    space = raw({name: value for name, value in members.items() if name not in {"type", "tools"}})
    tools = each(inner, _tool, "tools")
    return tuple(msgspec.structs.replace(tool, extra={**tool.extra, NAMESPACE: space}) for tool in tools)


def _tool(members: Members) -> Tool:
    kind = take(members, "type", TEXT)
    if kind != "function":
        name = maybe(members, "name", TEXT)
        told = {} if name is None else {"name": raw(name)}
        return Tool(name=name or kind, extra={"type": raw(kind), **told, **members})
    schema = members.get("parameters")
    if maybe(members, "parameters", OBJECT) is None:
        schema = None
    return Tool(
        name=take(members, "name", TEXT),
        description=maybe(members, "description", TEXT),
        parameters=schema,
        strict=maybe(members, "strict", BOOLEAN),
        extra=members,
    )


def _tool_choice(members: Members) -> ToolChoice | None:
    spoken = members.pop("tool_choice", None)
    if spoken is None:
        return None
    choice = _CHOICE.read(spoken, "tool_choice")
    match choice:
        case "auto" | "none" | "required":
            return ToolChoice(mode=choice)
        case dict() if bytes(choice.pop("type", spoken)) == b'"function"':
            name = take(choice, "name", TEXT, "tool_choice.")
            if not choice:
                return ToolChoice(mode="named", name=name)
        case _:
            pass
    if choice is not None:
        members["tool_choice"] = spoken
    return None
