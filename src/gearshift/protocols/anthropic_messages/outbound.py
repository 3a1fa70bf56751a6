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
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit, Spoken, say_mark
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.steering import say_routing, strip_routing
from gearshift.types.chat import Message, Part, Request, Sampling, Text, Tool, ToolResult
from gearshift.types.record import Loss

LONGEST: Final = 4096
"""Tokens of answer where neither the caller nor the catalogue states a limit: every model gives so many."""
_MODES: Final = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_TIERS: Final = frozenset({"auto", "standard_only"})
_UNKNOWN: Final = "Anthropic has no such field"


def encode_request(request: Request, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    losses: list[Loss] = []
    try:
        said = _encode(request, edits, losses)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name and take out what is only the router's; all else stays."""
    document = JsonObject(body, InvalidRequest)
    members = document.members
    try:
        changes = strip_routing(members, edits.quirks.extensions)
        changes["model"] = msgspec.json.encode(edits.model)
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
    said: Spoken = {
        "model": edits.model,
        "max_tokens": _most(request, edits, losses),
        "messages": [*_turns(request.messages, len(head), speaker)],
    }
    if head:
        said["system"] = _system(head, speaker)
    if request.tools:
        said["tools"] = [_tool(tool) for tool in request.tools]
    said |= _tool_choice(request)
    said |= _sampling(request.sampling, losses)
    said |= _thinking(request, losses)
    if request.stream:
        said["stream"] = True
    if request.user is not None:
        said["metadata"] = {USER: request.user}
    if request.service_tier in _TIERS:
        said["service_tier"] = request.service_tier
    elif request.service_tier is not None:
        losses.append(dropped("service_tier", f"expected one of {', '.join(sorted(_TIERS))}"))
    if request.metadata and request.protocol != NAME:
        losses.append(dropped("metadata", "Anthropic takes no tags but the user's id"))
    extra = dict(request.extra)
    for name in ("thinking", "output_config"):
        if name in extra:
            said[name] = {**_object(said.get(name)), **OBJECT.read(extra.pop(name), name)}
    return {**said, **say_mark(request.cache), **say_routing(extra, request.routing, edits.quirks.extensions)}


def _object(value: object) -> Spoken:
    return dict(value) if isinstance(value, dict) else {}


def _most(request: Request, edits: RequestEdits, losses: list[Loss]) -> int:
    asked = request.sampling.max_output_tokens
    if asked is not None:
        return asked
    most = edits.max_output_tokens or LONGEST
    losses.append(mapped("max_tokens", f"Anthropic asks for a limit, the model's own was said: {most}"))
    return most


def _system(messages: list[Message], speaker: Speaker) -> str | Blocks:
    """Say the messages that begin a conversation as its system prompt."""
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
        yield _turn(message, place, speaker)
    if results:
        yield {"role": "user", "content": speaker.blocks(results, f"messages[{first}].content")}


def _turn(message: Message, place: int, speaker: Speaker) -> Spoken:
    role = message.role
    if role in {"system", "developer"}:
        speaker.losses.append(
            mapped(f"messages[{place}]", "said by the user: models before Opus 4.8 refuse it elsewhere")
        )
        role = "user"
    at = f"messages[{place}].content"
    if role == "assistant" and any(isinstance(part, ToolResult) for part in message.parts):
        raise Misfit(at, "found a tool's result in an answer, expected it in a turn of its own")
    return {"role": role, "content": speaker.content(message.parts, at), **message.extra}


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


def _sampling(sampling: Sampling, losses: list[Loss]) -> Spoken:
    if sampling.n is not None and sampling.n > 1:
        raise Misfit("n", f"found {sampling.n}, Anthropic gives one answer; ask as often as you want answers")
    if sampling.logprobs or sampling.top_logprobs:
        raise Misfit("logprobs", "Anthropic tells no probabilities; leave it out or name another model")
    unknown = ("seed", "presence_penalty", "frequency_penalty", "verbosity")
    losses.extend(dropped(name, _UNKNOWN) for name in unknown if getattr(sampling, name) is not None)
    said: Spoken = {"stop_sequences": sampling.stop} if sampling.stop else {}
    warmth = sampling.temperature
    if warmth is not None:
        if not 0 <= warmth <= 1:
            losses.append(mapped("temperature", "Anthropic's goes from 0 to 1, the nearer end was said"))
        said["temperature"] = min(1.0, max(0.0, warmth))
    if sampling.top_p is not None:
        said["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        said["top_k"] = int(sampling.top_k) if sampling.top_k.is_integer() else sampling.top_k
    return said


def _depth(request: Request, losses: list[Loss]) -> tuple[int | None, str | None]:
    """Give the budget of thinking and the effort, as Anthropic has them."""
    budget, effort = request.sampling.reasoning_budget, request.sampling.reasoning_effort
    if effort == "none":
        losses.append(mapped("reasoning_effort", "said as thinking of type disabled"))
        return 0 if budget is None else budget, None
    if effort is None or request.protocol == NAME:
        return budget, effort
    told = effort if effort in _EFFORTS else "low"
    losses.append(mapped("reasoning_effort", f"said as adaptive thinking of effort {told}"))
    return -1 if budget is None else budget, told


def _thinking(request: Request, losses: list[Loss]) -> Spoken:
    """Say how much to think, and the form of the answer."""
    sampling = request.sampling
    budget, effort = _depth(request, losses)
    config: Spoken = {} if effort is None else {"effort": effort}
    said: Spoken = {}
    if budget is not None:
        thinking: Spoken = {"type": "disabled" if budget == 0 else "adaptive" if budget < 0 else "enabled"}
        if budget > 0:
            thinking["budget_tokens"] = budget
        if sampling.reasoning_shown is not None and budget:
            thinking["display"] = "omitted" if sampling.reasoning_shown == "omitted" else "summarized"
        said["thinking"] = thinking
    elif sampling.reasoning_shown is not None:
        losses.append(dropped("reasoning_shown", "no thinking was asked for"))
    form = request.response_format
    if form is not None and form.kind == "json_object":
        raise Misfit("response_format", "Anthropic knows no free JSON mode, expected json_schema; give the schema")
    if form is not None and form.kind == "json_schema":
        schema = Raw(b'{"type":"object"}') if form.schema is None else form.schema
        config["format"] = {"type": "json_schema", "schema": schema, **form.extra}
    return {**said, "output_config": config} if config else said
