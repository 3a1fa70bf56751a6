"""Own requests on their way in: a caller's body to the noun.

Invariants: as in `openai_chat.request`. Each result of a tool is a message of its own, in front of what else the turn
says; the system prompt is the first message. What `thinking` and `output_config` hold beyond the nouns stays in `extra`
under their names.
Source: the Anthropic API reference, "Create a Message" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.anthropic_messages.blocks import NAME, decode_content
from gearshift.protocols.fields import (
    BOOLEAN,
    CACHE,
    NUMBER,
    OBJECT,
    OBJECTS,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    Misfit,
    each,
    keep,
    mark,
    maybe,
    raw,
    take,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.places import Turns
from gearshift.protocols.steering import decode_routing, take_model
from gearshift.types.chat import (
    APART,
    Message,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)

MAX_ITEMS: Final = 100_000
"""Messages of one request (the API's own limit)."""
_MOST: Final = Kind(msgspec.json.Decoder(Annotated[int, Meta(ge=0, le=2**53)]), "a whole number of at least 0")
_MODES: Final = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}
_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_SHOWN: Final = {"summarized": "auto", "omitted": "omitted"}
_TAG: Final = Kind(msgspec.json.Decoder(str | int | float | bool), "a string, a number or a boolean")
USER: Final = "user_id"


def decode_request(body: bytes, path: str = "") -> Request:  # noqa: ARG001 - the body says it all
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return decode(members, limit=True)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def decode(members: Members, *, limit: bool) -> Request:
    """Give the request that `members` say; without `limit` it needs no `max_tokens`, as where tokens are counted."""
    model = take_model(members)
    most = take(members, "max_tokens", _MOST) if limit else maybe(members, "max_tokens", _MOST)
    turns = Turns()
    turns.add(APART, _system(members))
    _take_messages(members, turns)
    choice, parallel = _tool_choice(members)
    config = _Config(members)
    user, tags = _metadata(members)
    return Request(
        protocol=NAME,
        model=model,
        messages=tuple(turns.messages),
        places=turns.places,
        tools=each(maybe(members, "tools", OBJECTS) or (), _tool, "tools"),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=config.form,
        sampling=Sampling(
            max_output_tokens=most,
            temperature=maybe(members, "temperature", NUMBER),
            top_p=maybe(members, "top_p", NUMBER),
            top_k=maybe(members, "top_k", NUMBER),
            stop=tuple(maybe(members, "stop_sequences", TEXTS) or ()),
            reasoning_effort=config.effort,
            reasoning_budget=config.budget,
            reasoning_shown=config.shown,
        ),
        stream=maybe(members, "stream", BOOLEAN) or False,
        user=user,
        service_tier=maybe(members, "service_tier", TEXT),
        cache=mark(members, CACHE),
        metadata=tags,
        routing=decode_routing(members),
        extra=members,
    )


def _system(members: Members) -> Iterator[Message]:
    spoken = members.pop("system", None)
    if spoken is None:
        return
    parts = decode_content(spoken, "system")
    for index, part in enumerate(parts):
        if not isinstance(part, Text):
            raise Misfit(f"system[{index}]", "found a block that is no text, expected text")
    if parts:
        yield Message(role="system", parts=parts)


def _take_messages(members: Members, turns: Turns) -> None:
    items = take(members, "messages", OBJECTS)
    if not 0 < len(items) <= MAX_ITEMS:
        raise Misfit("messages", f"found {len(items)} messages, expected 1 to {MAX_ITEMS}")
    for index, item in enumerate(items):
        try:
            turns.add(index, _message(item))
        except Misfit as misfit:
            raise misfit.within(f"messages[{index}]") from None


def _message(members: Members) -> Iterator[Message]:
    said = take(members, "role", TEXT)
    role = _ROLES.get(said)
    if role is None:
        raise Misfit("role", f"found {said[:32]!r}, expected one of {', '.join(_ROLES)}")
    spoken = members.pop("content", None)
    if spoken is None:
        raise Misfit("content", "missing, expected a string or a list of blocks")
    told = decode_content(spoken)
    rest = list(told)
    while rest and isinstance(rest[0], ToolResult):
        yield Message(role="tool", parts=(rest.pop(0),))
    if rest or not told:
        yield Message(role=role, parts=tuple(rest), extra=members)


def _tool(members: Members) -> Tool:
    whole = dict(members)
    kind = maybe(members, "type", TEXT) or "custom"
    if kind != "custom":
        return Tool(name=maybe(members, "name", TEXT) or kind, extra=whole)
    name, schema = take(members, "name", TEXT), members.get("input_schema")
    if maybe(members, "input_schema", OBJECT) is None:
        schema = None
    return Tool(
        name=name,
        description=maybe(members, "description", TEXT),
        parameters=schema,
        strict=maybe(members, "strict", BOOLEAN),
        cache=mark(members, CACHE),
        extra=members,
    )


def _tool_choice(members: Members) -> tuple[ToolChoice | None, bool | None]:
    """Give the choice among tools, and whether several may be called at once."""
    spoken = members.get("tool_choice")
    inner = maybe(members, "tool_choice", OBJECT)
    if inner is None or spoken is None:
        return None, None
    at = "tool_choice."
    kind = take(inner, "type", TEXT, at)
    if kind not in _MODES:
        members["tool_choice"] = spoken
        return None, None
    lone = maybe(inner, "disable_parallel_tool_use", BOOLEAN, at)
    name = take(inner, "name", TEXT, at) if kind == "tool" else None
    if inner:
        members["tool_choice"] = spoken
    choice = msgspec.convert({"mode": _MODES[kind], "name": name}, ToolChoice)
    return choice, None if lone is None else not lone


class _Config:
    """Take `thinking` and `output_config`; kinds without a noun stay where they are."""

    def __init__(self, members: Members) -> None:
        self.budget: int | None = None
        self.shown: str | None = None
        self.effort: str | None = None
        self.form: ResponseFormat | None = None
        self._take_thinking(members)
        self._take_output(members)

    def _take_thinking(self, members: Members) -> None:
        at = "thinking."
        whole = maybe(members, "thinking", OBJECT) or {}
        thinking = dict(whole)
        kind, display = maybe(thinking, "type", TEXT, at), maybe(thinking, "display", TEXT, at)
        match kind:
            case "enabled":
                self.budget = take(thinking, "budget_tokens", POSITIVE, at)
            case "adaptive":
                self.budget = -1
            case "disabled":
                self.budget = 0
            case None:
                pass
            case _:
                members["thinking"] = raw(whole)
                return
        self.shown = _SHOWN.get(display or "")
        if display is not None and self.shown is None:
            thinking["display"] = whole["display"]
        keep(members, "thinking", thinking)

    def _take_output(self, members: Members) -> None:
        at = "output_config."
        config = maybe(members, "output_config", OBJECT) or {}
        self.effort = maybe(config, "effort", TEXT, at)
        spoken, form = config.get("format"), maybe(config, "format", OBJECT, at)
        if form is not None and spoken is not None:
            at = "output_config.format."
            if take(form, "type", TEXT, at) == "json_schema":
                OBJECT.read(form.get("schema", Raw(b"null")), "output_config.format.schema")
                self.form = ResponseFormat(kind="json_schema", schema=form.pop("schema"), extra=form)
            else:
                config["format"] = spoken
        keep(members, "output_config", config)


def _metadata(members: Members) -> tuple[str | None, dict[str, str | int | float | bool]]:
    """Give whom the caller asks for, and the tags that only the router reads."""
    said = maybe(members, "metadata", OBJECT) or {}
    user = maybe(said, USER, TEXT, "metadata.")
    return user, {name: _TAG.read(tag, f"metadata.{name}") for name, tag in said.items()}
