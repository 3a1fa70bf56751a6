"""Own requests on their way out: the noun to a body.

Invariants: results of tools and what the user says after them are one turn, and turns alternate, as Converse demands;
what cannot be said is a `Loss`, and where the answer would be another, an InvalidRequest.
Source: botocore's model of bedrock-runtime, `ConverseRequest` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.bedrock_converse import families
from gearshift.protocols.bedrock_converse.blocks import NAME, Blocks, Speaker
from gearshift.protocols.claude import suited
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import OBJECT, Misfit, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.steering import strip_routing
from gearshift.types.chat import Message, Request, Sampling, Text, Tool, ToolCall, ToolResult
from gearshift.types.record import Loss

LONGEST: Final = 4096
"""Tokens that the longest answer of a model is taken to have where nobody says."""
_UNKNOWN: Final = "Converse has no such field"
_TIERS: Final = frozenset({"priority", "default", "flex", "reserved"})
_MODES: Final = {"auto": "auto", "required": "any", "named": "tool"}
_ANY: Final = Raw(b'{"type":"object"}')


def encode_request(request: Request, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    losses: list[Loss] = []
    try:
        said = _encode(request, edits, losses)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:  # noqa: ARG001 - the path says the model
    """Take out what is only the router's; all else stays."""
    document = JsonObject(body, InvalidRequest)
    try:
        return document.patch(strip_routing(document.members))
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def _encode(request: Request, edits: RequestEdits, losses: list[Loss]) -> Spoken:
    speaker = Speaker(losses)
    if request.protocol != NAME and families.is_claude(edits.model):
        most = request.sampling.max_output_tokens or edits.max_output_tokens or LONGEST
        request = suited(request, most, NAME, losses)
    head = [*takewhile(lambda message: message.role in {"system", "developer"}, request.messages)]
    said: Spoken = {"messages": _alternating(_turns(request.messages, len(head), speaker), losses)}
    if head:
        said["system"] = _system(head, speaker)
    if request.cache is not None:
        losses.append(mapped("cache_control", "said as a cache point behind the last message"))
        _content(said["messages"]).extend(speaker.point(request.cache, "cache_control"))
    said |= _tools(request, speaker)
    said |= _sampling(request.sampling, losses)
    wish = families.say(edits.model, request.sampling, losses)
    output = {**_form(request, losses), **({} if wish.effort is None else {"effort": wish.effort})}
    if request.service_tier in _TIERS:
        said["serviceTier"] = {"type": request.service_tier}
    elif request.service_tier is not None:
        losses.append(dropped("service_tier", f"expected one of {', '.join(sorted(_TIERS))}"))
    if request.user is not None:
        losses.append(dropped("user", _UNKNOWN))
    if request.metadata:
        losses.append(dropped("metadata", "Converse's own are for the logs of AWS, and take few characters"))
    for name, own in (("additionalModelRequestFields", wish.fields), ("outputConfig", output)):
        if own:
            said[name] = own
    return _joined(said, request)


def _joined(said: Spoken, request: Request) -> Spoken:
    """Add what the request holds beyond the nouns, also to the objects of which these are a part."""
    extra = dict(request.extra)
    for name in ("inferenceConfig", "additionalModelRequestFields", "outputConfig"):
        own = said.get(name)
        if name in extra and isinstance(own, dict):
            said[name] = {**own, **OBJECT.read(extra.pop(name), name)}
    return {**said, **extra}


def _content(messages: object) -> list[object]:
    """Give the blocks of the last message."""
    last = messages[-1] if isinstance(messages, list) and messages else {}
    content = last.get("content")
    return content if isinstance(content, list) else []


def _system(messages: Sequence[Message], speaker: Speaker) -> Blocks:
    """Say the messages that begin a conversation as its system prompt."""
    for place, message in enumerate(messages):
        if message.role == "developer" or place:
            speaker.losses.append(mapped(f"messages[{place}]", "said as part of the system prompt"))
        _note_rest(message, place, speaker)
        if any(not isinstance(part, Text) for part in message.parts):
            raise Misfit(f"messages[{place}].content", "found media in a system prompt, expected text")
    return speaker.blocks([part for message in messages for part in message.parts], "system")


def _turns(messages: tuple[Message, ...], start: int, speaker: Speaker) -> Iterator[tuple[int, str, Blocks]]:
    """Say each message as the place, the role and the content of a turn; results of tools are the user's."""
    for place, message in enumerate(messages[start:], start):
        _note_rest(message, place, speaker)
        role = message.role
        if role in {"system", "developer"}:
            speaker.losses.append(mapped(f"messages[{place}]", "said by the user: most models refuse it elsewhere"))
        at = f"messages[{place}].content"
        if role == "assistant" and any(isinstance(part, ToolResult) for part in message.parts):
            raise Misfit(at, "found a tool's result in an answer, expected it in a turn of its own")
        yield place, role, speaker.blocks(message.parts, at)


def _alternating(turns: Iterator[tuple[int, str, Blocks]], losses: list[Loss]) -> list[Spoken]:
    """Make one turn of those of the same side that follow each other; a turn that says nothing is none."""
    said: list[Spoken] = []
    contents: list[Blocks] = []
    before = ""
    for place, role, blocks in turns:
        if not blocks:
            losses.append(dropped(f"messages[{place}]", "a turn without content is refused by Converse"))
            continue
        side = "assistant" if role == "assistant" else "user"
        if said and said[-1]["role"] == side:
            if before != "tool":
                losses.append(mapped(f"messages[{place}]", "said in one turn with the one before: turns alternate"))
            contents[-1].extend(blocks)
        else:
            contents.append(blocks)
            said.append({"role": side, "content": blocks})
        before = role
    if not said:
        raise Misfit("messages", "found nothing to say, expected a turn with content")
    return said


def _note_rest(message: Message, place: int, speaker: Speaker) -> None:
    if message.name is not None:
        speaker.losses.append(dropped(f"messages[{place}].name", _UNKNOWN))


def _tools(request: Request, speaker: Speaker) -> Spoken:
    """Say the tools and which must be called; those that were called must be declared."""
    losses, tools, choice = speaker.losses, request.tools, request.tool_choice
    called = sorted({part.name for message in request.messages for part in message.parts if type(part) is ToolCall})
    if choice is not None and choice.mode == "none":
        losses.append(mapped("tool_choice", "said by not offering the tools" if not called else _OFFERED))
        tools = tools if called else ()
    if request.parallel_tool_calls is False and tools:
        losses.append(dropped("parallel_tool_calls", "Converse has no word for it: several tools may be called"))
    if not tools and called:
        losses.append(mapped("tools", f"Converse asks for the tools of earlier calls, declared bare: {len(called)}"))
        tools = tuple(Tool(name=name) for name in called)
    if not tools:
        if choice is not None and choice.mode != "none":
            losses.append(dropped("tool_choice", "there are no tools"))
        return {}
    offered = [block for place, tool in enumerate(tools) for block in _tool(tool, place, speaker)]
    config: Spoken = {"tools": offered}
    if choice is not None and choice.mode in _MODES:
        config["toolChoice"] = {_MODES[choice.mode]: {} if choice.name is None else {"name": choice.name}}
    return {"toolConfig": config}


_OFFERED: Final = "Converse cannot forbid tools that were called before: the model may call one again"


def _tool(tool: Tool, place: int, speaker: Speaker) -> Blocks:
    if "systemTool" in tool.extra:
        return [dict(tool.extra)]
    said: Spoken = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    said["inputSchema"] = {"json": _ANY if tool.parameters is None else tool.parameters}
    if tool.strict is not None:
        said["strict"] = tool.strict
    return [{"toolSpec": {**said, **tool.extra}}, *speaker.point(tool.cache, f"tools[{place}]")]


def _sampling(sampling: Sampling, losses: list[Loss]) -> Spoken:
    if sampling.n is not None and sampling.n > 1:
        raise Misfit("n", f"found {sampling.n}, Converse gives one answer; ask as often as you want answers")
    if sampling.logprobs or sampling.top_logprobs:
        raise Misfit("logprobs", "Converse tells no probabilities; leave it out or name another model")
    unknown = ("seed", "presence_penalty", "frequency_penalty", "verbosity")
    losses.extend(dropped(name, _UNKNOWN) for name in unknown if getattr(sampling, name) is not None)
    said: Spoken = {}
    if sampling.max_output_tokens is not None:
        said["maxTokens"] = sampling.max_output_tokens
    warmth = sampling.temperature
    if warmth is not None:
        if not 0 <= warmth <= 1:
            losses.append(mapped("temperature", "Converse's goes from 0 to 1, the nearer end was said"))
        said["temperature"] = min(1.0, max(0.0, warmth))
    if sampling.top_p is not None:
        said["topP"] = sampling.top_p
    if sampling.stop:
        said["stopSequences"] = sampling.stop
    return {"inferenceConfig": said} if said else {}


def _form(request: Request, losses: list[Loss]) -> Spoken:
    """Say the form that the answer must take."""
    form = request.response_format
    if form is None or form.kind == "text":
        return {}
    if form.kind == "json_object":
        raise Misfit("response_format", "Converse knows no free JSON mode, expected json_schema; give the schema")
    if form.strict is not None and request.protocol != NAME:
        losses.append(dropped("response_format.strict", "Converse's are always kept to"))
    schema = _ANY if form.schema is None else form.schema
    name: Spoken = {} if form.name is None else {"name": form.name}
    described = {"schema": bytes(schema).decode(), **name, **form.extra}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}
