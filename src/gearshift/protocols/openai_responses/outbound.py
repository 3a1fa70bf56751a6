"""Own requests on their way out: the noun to a body, and the patch of a caller's body for an upstream.

Invariants: as in `openai_chat.outbound`. A request of another protocol is not stored by the provider, and its thinking
comes back encrypted, so that the conversation can go on.
Source: the OpenAI API reference, "Create a model response" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import ABSENT, OBJECT, TEXTS, Misfit, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.namespaces import NAMESPACE
from gearshift.protocols.openai_responses.items import NAME, encode_items
from gearshift.protocols.openai_responses.parts import Speaker
from gearshift.protocols.openai_responses.request import LOGPROBS
from gearshift.protocols.reasoning import effort_of
from gearshift.protocols.steering import say_routing, strip_routing
from gearshift.types.chat import Message, Request, ResponseFormat, Sampling, Text, Tool
from gearshift.types.record import Loss

_UNKNOWN: Final = "a model response has no such field"
_ENCRYPTED: Final = "reasoning.encrypted_content"


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
    try:
        changes = strip_routing(document.members, edits.quirks.extensions)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    changes["model"] = msgspec.json.encode(edits.model)
    return document.patch(changes)


def _encode(request: Request, edits: RequestEdits, losses: list[Loss]) -> Spoken:
    speaker, extra = Speaker(losses), dict(request.extra)
    said: Spoken = {"model": edits.model, **_conversation(request.messages, speaker)}
    if request.tools:
        said["tools"] = [*_tools(request, speaker)]
    choice = request.tool_choice
    if choice is not None:
        said["tool_choice"] = {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode
    if request.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = request.parallel_tool_calls
    said |= _sampling(request.sampling, losses)
    if request.protocol != NAME:
        _raise_limit(said, losses)
    said |= _nested("text", _text(request.response_format, request.sampling), extra)
    said |= _nested("reasoning", _reasoning(request.sampling, losses), extra)
    said |= _included(request, extra)
    if request.stream:
        said["stream"] = True
    for name in ("user", "service_tier", "truncation"):
        if (value := getattr(request, name)) is not None:
            said[name] = value
    if request.metadata:
        said["metadata"] = {name: _tag(value) for name, value in request.metadata.items()}
    if request.cache is not None:
        speaker.lose_mark("request")
    return {**said, **say_routing(extra, request.routing, edits.quirks.extensions)}


def _conversation(messages: tuple[Message, ...], speaker: Speaker) -> Spoken:
    """Say a plain system message that begins the conversation as `instructions`, the rest, if any, as items."""
    match messages:
        case (
            Message(role="system", parts=(Text(text=text, cache=None, extra=rest),), name=None, extra=more),
            _,
            *_,
        ) if not (rest or more):
            return {"instructions": text, "input": [*encode_items(messages, speaker, 1)]}
        case _:
            return {"input": [*encode_items(messages, speaker)]}


def _included(request: Request, extra: dict[str, msgspec.Raw]) -> Spoken:
    """Say what the answer shall hold too, and that it is not stored where nobody asked for that."""
    words = [LOGPROBS] if request.sampling.logprobs else []
    if "include" in extra:
        words += TEXTS.read(extra.pop("include"), "include")
    if request.protocol == NAME:
        return {"include": words} if words else {}
    return {"store": False, "include": [*words, _ENCRYPTED]}


def _tag(value: str | float | bool) -> str:  # noqa: FBT001 - a value of the caller's
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _nested(name: str, inner: Spoken, extra: dict[str, msgspec.Raw]) -> Spoken:
    """Say an object with what was kept of it."""
    rest = OBJECT.read(extra.pop(name), name) if name in extra else {}
    return {name: {**inner, **rest}} if inner or rest else {}


def _tools(request: Request, speaker: Speaker) -> Iterator[Spoken]:
    """Say the tools; functions of a namespace that follow each other are said in it."""
    for space, group in groupby(request.tools, lambda tool: bytes(tool.extra.get(NAMESPACE, ABSENT))):
        tools = [_tool(tool, request, speaker) for tool in group]
        if not space:
            yield from tools
            continue
        for tool in tools:
            del tool[NAMESPACE]
        yield {"type": NAMESPACE, **OBJECT.read(msgspec.Raw(space), NAMESPACE), "tools": tools}


def _tool(tool: Tool, request: Request, speaker: Speaker) -> Spoken:
    if "type" in tool.extra:
        return dict(tool.extra)
    if tool.cache is not None:
        speaker.lose_mark(f"tools.{tool.name}")
    said: Spoken = {"type": "function", "name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    said["parameters"] = tool.parameters
    # Strict unless said otherwise, which no other protocol is ("Function calling", "Strict mode", 2026-11).
    strict = tool.strict if request.protocol == NAME else bool(tool.strict)
    return {**said, **({} if strict is None else {"strict": strict}), **tool.extra}


def _sampling(sampling: Sampling, losses: list[Loss]) -> Spoken:
    if sampling.n is not None and sampling.n > 1:
        raise Misfit("n", f"found {sampling.n}, a model response is one answer; ask as often as you want answers")
    if sampling.stop:
        raise Misfit("stop", "a model response cannot be asked to stop at a text; leave it out or name another model")
    unknown = ("seed", "presence_penalty", "frequency_penalty", "top_k")
    losses.extend(dropped(name, _UNKNOWN) for name in unknown if getattr(sampling, name) is not None)
    known = ("max_output_tokens", "temperature", "top_p", "top_logprobs")
    return {name: value for name in known if (value := getattr(sampling, name)) is not None}


def _raise_limit(said: Spoken, losses: list[Loss]) -> None:
    """Let an answer be as long as the provider wants to be allowed at least."""
    limit = said.get("max_output_tokens")
    if isinstance(limit, int) and limit < LEAST:
        said["max_output_tokens"] = LEAST
        losses.append(mapped("max_output_tokens", f"said as {LEAST}, the least that is taken"))


LEAST: Final = 16
"""Tokens of an answer that may not be forbidden ("integer below minimum value. Expected a value >= 16", 2026-11)."""


def _text(form: ResponseFormat | None, sampling: Sampling) -> Spoken:
    said: Spoken = {} if sampling.verbosity is None else {"verbosity": sampling.verbosity}
    if form is None:
        return said
    inner: Spoken = {"type": form.kind}
    if form.kind == "json_schema":
        inner |= {"name": form.name or "response", "schema": {} if form.schema is None else form.schema}
        if form.strict is not None:
            inner["strict"] = form.strict
    return {"format": {**inner, **form.extra}, **said}


def _reasoning(sampling: Sampling, losses: list[Loss]) -> Spoken:
    effort, budget, shown = sampling.reasoning_effort, sampling.reasoning_budget, sampling.reasoning_shown
    if budget is not None:
        effort = effort or effort_of(budget)
        losses.append(mapped("reasoning_budget", f"said as effort {effort or 'of the model itself'}"))
    said: Spoken = {} if effort is None else {"effort": effort}
    if shown == "omitted":
        losses.append(mapped("reasoning_shown", "thinking is not told unless asked for"))
    elif shown is not None:
        said["summary"] = shown
    return said
