"""Own requests on their way out: the noun to a body, and the patch of a caller's body for an upstream.

Invariants: the fields that steer the router never leave; a patch touches no byte beyond what `RequestEdits` ask for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit, Spoken, say_mark
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.marks import is_marked
from gearshift.protocols.openai_chat.message import encode_message
from gearshift.protocols.openai_chat.request import SAMPLING
from gearshift.protocols.openai_chat.tools import encode_choice, encode_format, encode_tool
from gearshift.protocols.prefilling import left_open
from gearshift.protocols.reasoning import effort_of
from gearshift.protocols.steering import say_routing, strip_routing
from gearshift.types.catalog import Quirks
from gearshift.types.chat import CacheMark, Message, Part, Reasoning, Request, Sampling, Text, ToolResult
from gearshift.types.record import Loss

S = TypeVar("S", bound=Struct)
MAX_TOKENS: Final = ("max_completion_tokens", "max_tokens")
"""The two spellings of one field; a quirk says which of them an upstream knows."""
MARKED: Final = "cache_control"


def encode_request(request: Request, edits: RequestEdits) -> Encoded:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    known = edits.quirks.extensions
    told, losses = _without_marks(request) if MARKED not in known else (request, [])
    told = _without_thinking(told, losses, known)
    _note_results(request, losses)
    _note_citations(request, losses)
    try:
        said = _encode(told, edits, losses)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    _refuse_dropped(said, edits)
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name, take the steering fields out and follow the upstream's quirks; all else stays.

    `body` is one that `decode_request` has accepted. Raises InvalidRequest on a field that the upstream refuses.
    """
    document = JsonObject(body, InvalidRequest)
    members = document.members
    if edits.quirks.drops:
        _refuse_dropped((name for name, raw in members.items() if bytes(raw) != NULL), edits)
    try:
        changes = strip_routing(members, edits.quirks.extensions)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    changes["model"] = msgspec.json.encode(edits.model)
    _edit_stream_options(changes, members, edits)
    _edit_max_tokens(changes, members, edits.quirks.max_tokens_field)
    return document.patch(changes)


def _refuse_dropped(said: Iterable[str], edits: RequestEdits) -> None:
    """Refuse fields that the upstream refuses: dropping them in silence would change what was asked."""
    for name in said:
        if name in edits.quirks.drops:
            raise InvalidRequest(f"{name}: {edits.model} does not accept this field; leave it out", param=name)


def _edit_stream_options(changes: dict[str, bytes | None], members: Members, edits: RequestEdits) -> None:
    """Ask a stream for its usage, or leave that out where the upstream does not understand it."""
    if "stream_options" not in members and "stream" not in members:
        return
    spoken = bytes(members.get("stream_options", NULL))
    options = JsonObject(b"{}" if spoken == NULL else spoken, InvalidRequest)
    if edits.quirks.stream_usage:
        if edits.include_usage and bytes(members.get("stream", NULL)) == b"true":
            changes["stream_options"] = options.patch({"include_usage": b"true"})
    elif options.members.keys() - {"include_usage"}:
        changes["stream_options"] = options.patch({"include_usage": None})
    else:
        changes["stream_options"] = None


def _edit_max_tokens(changes: dict[str, bytes | None], members: Members, wanted: str) -> None:
    """Say the limit under the name that the upstream knows; where both are said, they mean the same."""
    said = [(name, bytes(members[name])) for name in MAX_TOKENS if name in members]
    if all(name == wanted for name, _ in said):
        return
    changes.update(dict.fromkeys(name for name, _ in said))
    if limits := [limit for _, limit in said if limit != NULL]:
        changes[wanted] = limits[0]


def _encode(request: Request, edits: RequestEdits, losses: list[Loss]) -> Spoken:
    extra = dict(request.extra)
    turns = _encode_messages(request.messages)
    said: Spoken = {"model": edits.model, "messages": turns}
    if edits.begun:
        said |= left_open(turns, edits.quirks.prefill)
    if request.tools:
        said["tools"] = [encode_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        said["tool_choice"] = encode_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = request.parallel_tool_calls
    if request.response_format is not None:
        said["response_format"] = encode_format(request.response_format)
    said.update(_encode_sampling(request, edits.quirks, losses))
    if request.stream:
        said["stream"] = True
    if options := _encode_stream_options(request, edits, extra.pop("stream_options", None)):
        said["stream_options"] = options
    if request.metadata:
        said["metadata"] = request.metadata
    said |= {
        name: value
        for name, value in (("user", request.user), ("service_tier", request.service_tier))
        if value is not None
    }
    said |= say_mark(request.cache)
    said |= say_routing(extra, request.routing, edits.quirks.extensions)
    return said


def _encode_messages(messages: tuple[Message, ...]) -> list[Spoken]:
    said: list[Spoken] = []
    for index, message in enumerate(messages):
        try:
            said.extend(encode_message(message))
        except Misfit as misfit:
            raise misfit.within(f"messages[{index}]") from None
    return said


def _encode_sampling(request: Request, quirks: Quirks, losses: list[Loss]) -> Spoken:
    sampling = request.sampling
    said: Spoken = {"stop": sampling.stop} if sampling.stop else {}
    for name, (field, _) in SAMPLING.items():
        value = getattr(sampling, field)
        if value is not None and (name not in MAX_TOKENS or name == quirks.max_tokens_field):
            said[name] = value
    if "top_k" in said and "top_k" not in quirks.extensions:
        del said["top_k"]
        losses.append(_dropped("top_k"))
    if "reasoning" in quirks.extensions:
        said |= _say_reasoning(sampling)
        if sampling.reasoning_shown not in {None, "omitted"}:
            losses.append(Loss(field="reasoning_shown", kind="mapped", detail="thinking is told unless it is excluded"))
        return said
    if sampling.reasoning_budget is not None:
        effort = effort_of(sampling.reasoning_budget)
        if effort is not None and sampling.reasoning_effort is None:
            said["reasoning_effort"] = effort
        how = f"said as reasoning_effort {said.get('reasoning_effort', 'of the model itself')}"
        losses.append(Loss(field="reasoning_budget", kind="mapped", detail=how))
    if sampling.reasoning_shown is not None:
        losses.append(_dropped("reasoning_shown"))
    return said


def _say_reasoning(sampling: Sampling) -> Spoken:
    """Say how much to think, and whether to tell it, in OpenRouter's `reasoning`."""
    inner: Spoken = {}
    budget = sampling.reasoning_budget
    if budget is not None:
        inner |= {"max_tokens": budget} if budget > 0 else {"enabled": budget < 0}
    if sampling.reasoning_shown == "omitted":
        inner["exclude"] = True
    return {"reasoning": inner} if inner else {}


def _note_results(request: Request, losses: list[Loss]) -> None:
    """Note that a tool failed, which no message says."""
    for place, message in enumerate(request.messages):
        if any(type(part) is ToolResult and part.is_error for part in message.parts):
            losses.append(_dropped(f"messages[{place}].is_error"))


def _note_citations(request: Request, losses: list[Loss]) -> None:
    """Note what texts cite, which no message of a request says."""
    for place, message in enumerate(request.messages):
        for number, part in enumerate(message.parts):
            if type(part) is Text and part.citations:
                losses.append(_dropped(f"messages[{place}].parts[{number}].citations"))


def _without_marks(request: Request) -> tuple[Request, list[Loss]]:
    """Take the marks of the prompt cache out, which this upstream finds by itself."""
    losses: list[Loss] = []
    if not is_marked(request):
        return request, losses

    def clear(value: S, path: str) -> S:
        changes: dict[str, object] = {}
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if isinstance(inner, CacheMark):
                losses.append(_dropped(f"{path}{MARKED}"))
                changes[name] = None
            elif name in {"messages", "parts", "tools"} and inner:
                changes[name] = tuple(clear(each, f"{path}{name}[{place}].") for place, each in enumerate(inner))
        return msgspec.structs.replace(value, **changes) if changes else value

    return clear(request, ""), losses


def _without_thinking(request: Request, losses: list[Loss], known: tuple[str, ...]) -> Request:
    """Take out thinking, or signatures of it, that the upstream does not know."""
    if "reasoning_details" in known or not any(
        type(part) is Reasoning for message in request.messages for part in message.parts
    ):
        return request
    told: list[Message] = []
    for place, message in enumerate(request.messages):
        parts: list[Part] = []
        for number, part in enumerate(message.parts):
            if not isinstance(part, Reasoning) or message.role != "assistant":
                parts.append(part)
                continue
            if part.signature is not None or part.redacted:
                losses.append(_dropped(f"messages[{place}].parts[{number}].signature"))
            if part.text and "reasoning_content" in known:
                parts.append(msgspec.structs.replace(part, signature=None, origin=None))
            elif part.text:
                losses.append(_dropped(f"messages[{place}].parts[{number}]"))
        told.append(msgspec.structs.replace(message, parts=tuple(parts)))
    return msgspec.structs.replace(request, messages=tuple(told))


def _dropped(field: str) -> Loss:
    return Loss(field=field, kind="dropped", detail="the upstream is not known to understand it")


def _encode_stream_options(request: Request, edits: RequestEdits, rest: Raw | None) -> Spoken:
    include = True if edits.include_usage and request.stream else request.include_usage
    said: Spoken = {} if include is None or not edits.quirks.stream_usage else {"include_usage": include}
    return said if rest is None else {**said, **OBJECT.read(rest, "stream_options")}
