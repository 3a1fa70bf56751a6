"""Own requests on their way in: a caller's body to the noun.

Invariants: as in `openai_chat.request`; the model, and whether to stream, are said by the path. Keys may be in camel or
in snake case. Of `generationConfig` what has no noun stays in `extra` under its name.
Source: the Gemini API reference, "Generating content" (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    TEXT,
    TEXTS,
    Kind,
    Misfit,
    Spoken,
    each,
    keep,
    maybe,
    raw,
    take,
)
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.parts import NAME, camel, decode_parts
from gearshift.protocols.gemini.plain import decode_functions
from gearshift.protocols.gemini.schemas import to_json_schema
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.places import Turns
from gearshift.protocols.steering import decode_routing
from gearshift.protocols.wishes import checked_name
from gearshift.types.chat import (
    APART,
    Message,
    Part,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)

_PATH: Final = re.compile(r"/models/(?P<model>[^?]+):(?P<verb>\w+)(?:\?.*)?$")
STREAM: Final = "streamGenerateContent"
COUNT: Final = "countTokens"
CONTENTS: Final[Kind[str | Members | list[Members]]] = Kind(
    msgspec.json.Decoder(str | dict[str, Raw] | list[dict[str, Raw]]), "a list of contents"
)
_SPOKEN: Final = {b'"user"': "user", b'"model"': "model"}
_MODES: Final = {"AUTO": "auto", "ANY": "required", "NONE": "none"}
_VALIDATED: Final = "VALIDATED"
_JSON: Final = "application/json"
KNOBS: Final[dict[str, tuple[str, Kind[int | float | str]]]] = {
    "temperature": ("temperature", NUMBER),
    "topP": ("top_p", NUMBER),
    "topK": ("top_k", NUMBER),
    "maxOutputTokens": ("max_output_tokens", POSITIVE),
    "candidateCount": ("n", POSITIVE),
    "seed": ("seed", INTEGER),
    "presencePenalty": ("presence_penalty", NUMBER),
    "frequencyPenalty": ("frequency_penalty", NUMBER),
    "responseLogprobs": ("logprobs", BOOLEAN),
    "logprobs": ("top_logprobs", INTEGER),
}
"""Wire name to the name and kind of the field of `Sampling`."""


def decode_request(body: bytes, path: str = "") -> Request:
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return decode(camel(members), path)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def decode(members: Members, path: str) -> Request:
    """Give the request that `members` and the path say."""
    found = _PATH.search(path)
    if found is None:
        raise Misfit("path", f"found {path[:80]!r}, expected /models/MODEL:generateContent")
    turns = Turns()
    turns.add(APART, _system(members))
    _take_contents(members, Calls(), turns)
    config = camel(maybe(members, "generationConfig", OBJECT) or {}, "generationConfig.")
    form, sampling = _format(config), _sampling(config)
    keep(members, "generationConfig", config)
    return Request(
        protocol=NAME,
        model=checked_name(found["model"], "model"),
        messages=tuple(turns.messages),
        places=turns.places,
        tools=tuple(_tools(members)),
        tool_choice=_tool_choice(members),
        response_format=form,
        sampling=sampling,
        stream=found["verb"] == STREAM,
        routing=decode_routing(members),
        extra=members,
    )


def _system(members: Members) -> Iterator[Message]:
    spoken = members.pop("systemInstruction", None)
    if spoken is None or bytes(spoken) == NULL:
        return
    said = CONTENTS.read(spoken, "systemInstruction")
    if isinstance(said, list):
        raise Misfit("systemInstruction", "found a list, expected a content")
    if isinstance(said, str):
        yield Message(role="system", parts=(Text(text=said),))
        return
    parts = decode_parts(said, Calls(), "systemInstruction")
    said.pop("role", None)
    if parts:
        yield Message(role="system", parts=parts, extra=said)


def _take_contents(members: Members, calls: Calls, turns: Turns) -> None:
    spoken = members.pop("contents", None)
    if spoken is None:
        raise Misfit("contents", "missing, expected a list of contents")
    said = CONTENTS.read(spoken, "contents")
    if isinstance(said, str):
        turns.add(0, [Message(role="user", parts=(Text(text=said),))])
        return
    contents = [said] if isinstance(said, dict) else said
    if not contents:
        raise Misfit("contents", "found an empty list, expected at least one content")
    for index, content in enumerate(contents):
        turns.add(index, _content(content, calls, f"contents[{index}]"))


def _role(members: Members, at: str) -> str:
    said = bytes(members.get("role", ABSENT))
    if said in _SPOKEN:  # nearly all that there ever is
        del members["role"]
        return _SPOKEN[said]
    role = maybe(members, "role", TEXT, f"{at}.") or "user"
    if role not in {"user", "model", "function", "tool", "system"}:
        raise Misfit(f"{at}.role", f"found {role[:32]!r}, expected user or model")
    return role


def _content(members: Members, calls: Calls, at: str) -> Iterator[Message]:
    role = _role(members, at)
    parts = decode_parts(members, calls, at)
    if role == "model":
        yield Message(role="assistant", parts=parts, extra=members)
        return
    rest: list[Part] = []
    for part in parts:
        if type(part) is ToolResult:
            if rest:
                yield Message(role="user", parts=tuple(rest))
                rest = []
            yield Message(role="tool", parts=(part,))
        else:
            rest.append(part)
    if rest or not parts:
        yield Message(role="user", parts=tuple(rest), extra=members)


def _tools(members: Members) -> Iterator[Tool]:
    spoken = members.pop("tools", None)
    if spoken is None or bytes(spoken) == NULL:
        return
    functions = decode_functions(spoken)
    if functions is not None:
        yield from functions
        return
    for index, item in enumerate(OBJECTS.read(spoken, "tools")):
        try:
            yield from _toolbox(camel(item))
        except Misfit as misfit:
            raise misfit.within(f"tools[{index}]") from None


def _toolbox(members: Members) -> Iterator[Tool]:
    declared = maybe(members, "functionDeclarations", OBJECTS) or ()
    yield from each(declared, lambda item: _function(camel(item)), "functionDeclarations")
    for name, value in members.items():
        yield Tool(name=name, extra={"type": raw(name), name: value})


def _function(members: Members) -> Tool:
    name = take(members, "name", TEXT)
    schema = None
    for field in ("parametersJsonSchema", "parameters"):
        spoken = members.get(field)
        if spoken is not None and maybe(members, field, OBJECT) is not None:
            schema = spoken if field == "parametersJsonSchema" else to_json_schema(spoken)
    return Tool(name=name, description=maybe(members, "description", TEXT), parameters=schema, extra=members)


def _tool_choice(members: Members) -> ToolChoice | None:
    spoken = members.get("toolConfig")
    said = maybe(members, "toolConfig", OBJECT)
    if said is None or spoken is None:
        return None
    at = "toolConfig.functionCallingConfig."
    config = camel(said, "toolConfig.")
    inner = camel(maybe(config, "functionCallingConfig", OBJECT, "toolConfig.") or {}, at)
    mode, names = maybe(inner, "mode", TEXT, at), maybe(inner, "allowedFunctionNames", TEXTS, at) or []
    known = _MODES.get((mode or "AUTO").upper())
    if (mode or "").upper() == _VALIDATED and not (inner or config or names):
        members["toolConfig"] = spoken  # that calls are held to their schemas is Gemini's own word
        return ToolChoice(mode="auto")
    if known is None or inner or config or len(names) > 1 or (names and known != "required"):
        members["toolConfig"] = spoken
        return None
    if names:
        return ToolChoice(mode="named", name=names[0])
    return None if mode is None else msgspec.convert({"mode": known}, ToolChoice)


def _format(config: Members) -> ResponseFormat | None:
    """Give the form that the answer must take."""
    at = "generationConfig."
    if maybe(dict(config), "responseMimeType", TEXT, at) != _JSON:
        return None
    del config["responseMimeType"]
    for field in ("responseJsonSchema", "responseSchema"):
        spoken = config.get(field)
        if spoken is not None and maybe(config, field, OBJECT, at) is not None:
            return ResponseFormat(kind="json_schema", schema=to_json_schema(spoken))
    return ResponseFormat(kind="json_object")


def _sampling(config: Members) -> Sampling:
    at = "generationConfig."
    said: dict[str, object] = {}
    for name, (field, kind) in KNOBS.items():
        if name in config and (value := maybe(config, name, kind, at)) is not None:
            said[field] = value
    if "stopSequences" in config:
        said["stop"] = maybe(config, "stopSequences", TEXTS, at) or []
    if "thinkingConfig" in config:
        said |= _thinking(config)
    return msgspec.convert(said, Sampling)


def _thinking(config: Members) -> Spoken:
    thinking = maybe(config, "thinkingConfig", OBJECT, "generationConfig.") or {}
    at = "generationConfig.thinkingConfig."
    thinking = camel(thinking, at)
    budget, level = maybe(thinking, "thinkingBudget", INTEGER, at), maybe(thinking, "thinkingLevel", TEXT, at)
    told = maybe(thinking, "includeThoughts", BOOLEAN, at)
    keep(config, "thinkingConfig", thinking)
    if budget is not None and budget < -1:
        raise Misfit(f"{at}thinkingBudget", f"found {budget}, expected -1 or more")
    return {
        "reasoning_budget": budget,
        "reasoning_effort": None if level in {None, "THINKING_LEVEL_UNSPECIFIED"} else str(level).lower(),
        "reasoning_shown": None if told is None else "auto" if told else "omitted",
    }
