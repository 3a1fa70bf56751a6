"""Own requests on their way out: the noun to a body, and the patch of a caller's body for an upstream.

Invariants: as in `openai_chat.outbound`; results of tools, and what the user says after them, are one turn, as
Anthropic demands; what cannot be said is a `Loss`, and where the answer would be another, an InvalidRequest.
Source: the Anthropic API reference, "Create a Message" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.anthropic_messages.blocks import NAME, Blocks, Speaker
from gearshift.protocols.anthropic_messages.request import USER
from gearshift.protocols.anthropic_messages.thinking import say_sampling, say_thinking
from gearshift.protocols.claude import suited
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit, Spoken, say_mark
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.steering import say_routing, strip_routing
from gearshift.types.chat import Message, Part, Request, Text, Tool, ToolResult
from gearshift.types.record import Loss

LONGEST: Final = 4096
"""Tokens of answer where neither the caller nor the catalogue states a limit: every model gives so many."""
_MODES: Final = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}
_TIERS: Final = frozenset({"auto", "standard_only"})
_UNKNOWN: Final = "Anthropic has no such field"


def encode_request(request: Request, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    losses: list[Loss] = []
    try:
        said = _encode(request, edits, losses)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    return Encoded(body=msgspec.json.encode({**said, **_placed(edits)}), losses=tuple(losses))


def _placed(edits: RequestEdits) -> dict[str, str]:
    """Say where the request goes: the model, if the path does not name it, and the version that a cloud asks for."""
    version = edits.quirks.anthropic_version
    named = {} if edits.quirks.path else {"model": edits.model}
    return named if version is None else {**named, "anthropic_version": version}


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name and take out what is only the router's; all else stays."""
    document = JsonObject(body, InvalidRequest)
    members = document.members
    try:
        changes = strip_routing(members, edits.quirks.extensions)
        changes |= {"model": None, **{name: msgspec.json.encode(word) for name, word in _placed(edits).items()}}
        if bytes(members.get("metadata", NULL)) != NULL:
            tags = OBJECT.read(members["metadata"], "metadata")
            if tags.keys() - {USER}:
                kept = {USER: tags[USER]} if USER in tags else None
                changes["metadata"] = None if kept is None else msgspec.json.encode(kept)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    return document.patch(changes)


def _encode(request: Request, edits: RequestEdits, losses: list[Loss]) -> Spoken:
    speaker = Speaker(losses)
    head = [*takewhile(lambda message: message.role in {"system", "developer"}, request.messages)]
    turns = [*_turns(request.messages, len(head), speaker)]
    if not turns:
        raise Misfit("messages", "found nothing that Anthropic can be told, expected a turn with text or media")
    most = _most(request, edits, losses)
    said: Spoken = {"max_tokens": most, "messages": turns}
    if system := _system(head, speaker):
        said["system"] = system
    if request.tools:
        said["tools"] = [_tool(tool) for tool in request.tools]
    said |= {**_tool_choice(request), **_generation(request, most, losses), **_service(request, losses)}
    extra = dict(request.extra)
    for name in ("thinking", "output_config"):
        if name in extra:
            said[name] = {**_object(said.get(name)), **OBJECT.read(extra.pop(name), name)}
    return {**said, **say_mark(request.cache), **say_routing(extra, request.routing, edits.quirks.extensions)}


def _generation(request: Request, most: int, losses: list[Loss]) -> Spoken:
    """Say how the answer of at most `most` tokens is made, and its form."""
    if request.protocol != NAME:
        request = suited(request, most, NAME, losses)
    said = say_thinking(request.sampling, losses)
    if form := _form(request):
        said["output_config"] = {**_object(said.get("output_config")), **form}
    return {**say_sampling(request.sampling, losses), **said}


def _service(request: Request, losses: list[Loss]) -> Spoken:
    """Say for whom the answer is, and how it is served."""
    said: Spoken = {"stream": True} if request.stream else {}
    if request.user is not None:
        said["metadata"] = {USER: request.user}
    if request.service_tier in _TIERS:
        said["service_tier"] = request.service_tier
    elif request.service_tier is not None:
        losses.append(dropped("service_tier", f"expected one of {', '.join(sorted(_TIERS))}"))
    if request.metadata and request.protocol != NAME:
        losses.append(dropped("metadata", "Anthropic takes no tags but the user's id"))
    return said


def _object(value: object) -> Spoken:
    return dict(value) if isinstance(value, dict) else {}


def _most(request: Request, edits: RequestEdits, losses: list[Loss]) -> int:
    asked = request.sampling.max_output_tokens
    if asked is not None:
        return asked
    most = edits.max_output_tokens or LONGEST + max(0, request.sampling.reasoning_budget or 0)
    losses.append(mapped("max_tokens", f"Anthropic asks for a limit, the model's own was said: {most}"))
    return most


def _system(messages: list[Message], speaker: Speaker) -> str | Blocks:
    """Say the messages that begin a conversation as its system prompt, empty where they say nothing."""
    for place, message in enumerate(messages):
        if message.role == "developer" or place:
            speaker.losses.append(mapped(f"messages[{place}]", "said as part of the system prompt"))
        _note_rest(message, place, speaker)
        if any(not isinstance(part, Text) for part in message.parts):
            raise Misfit(f"messages[{place}].content", "found media in a system prompt, expected text")
    return speaker.content([part for message in messages for part in message.parts], "system")


def _turns(messages: tuple[Message, ...], start: int, speaker: Speaker) -> Iterator[Spoken]:
    """Say the turns; results of tools and what follows them of the user's are one."""
    results: list[Part] = []
    first = start
    for place, message in enumerate(messages[start:], start):
        _note_rest(message, place, speaker)
        if message.role == "tool":
            first = first if results else place
            results += message.parts
            continue
        if results and message.role == "user" and not message.extra:
            blocks = speaker.blocks([*results, *message.parts], f"messages[{first}].content")
            yield {"role": "user", "content": blocks}
            results = []
            continue
        if results:
            yield {"role": "user", "content": speaker.blocks(results, f"messages[{first}].content")}
            results = []
        if turn := _turn(message, place, speaker):
            yield turn
    if results:
        yield {"role": "user", "content": speaker.blocks(results, f"messages[{first}].content")}


def _turn(message: Message, place: int, speaker: Speaker) -> Spoken:
    """Say one turn, {} where nothing of it can be said."""
    role = message.role
    if role in {"system", "developer"}:
        speaker.losses.append(
            mapped(f"messages[{place}]", "said by the user: models before Opus 4.8 refuse it elsewhere")
        )
        role = "user"
    at = f"messages[{place}].content"
    if role == "assistant" and any(isinstance(part, ToolResult) for part in message.parts):
        raise Misfit(at, "found a tool's result in an answer, expected it in a turn of its own")
    content = speaker.content(message.parts, at)
    if not content:
        speaker.losses.append(dropped(f"messages[{place}]", "Anthropic refuses a turn that says nothing"))
        return {}
    return {"role": role, "content": content, **message.extra}


def _note_rest(message: Message, place: int, speaker: Speaker) -> None:
    if message.name is not None:
        speaker.losses.append(dropped(f"messages[{place}].name", _UNKNOWN))


def _tool(tool: Tool) -> Spoken:
    if "type" in tool.extra:
        return dict(tool.extra)
    said: Spoken = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    said["input_schema"] = Raw(b'{"type":"object"}') if tool.parameters is None else tool.parameters
    if tool.strict is not None:
        said["strict"] = tool.strict
    return {**said, **say_mark(tool.cache), **tool.extra}


def _tool_choice(request: Request) -> Spoken:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice is None and (parallel is None or not request.tools):
        return {}
    said: Spoken = {"type": "auto" if choice is None else _MODES[choice.mode]}
    if choice is not None and choice.name is not None:
        said["name"] = choice.name
    if parallel is not None and said["type"] != "none":
        said["disable_parallel_tool_use"] = not parallel
    return {"tool_choice": said}


def _form(request: Request) -> Spoken:
    """Say the form of the answer."""
    form = request.response_format
    if form is None or form.kind == "text":
        return {}
    if form.kind == "json_object":
        raise Misfit("response_format", "Anthropic knows no free JSON mode, expected json_schema; give the schema")
    schema = Raw(b'{"type":"object"}') if form.schema is None else form.schema
    return {"format": {"type": "json_schema", "schema": schema, **form.extra}}
