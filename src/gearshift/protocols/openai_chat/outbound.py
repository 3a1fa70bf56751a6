"""Own requests on their way out: the noun to a body, and the patch of a caller's body for an upstream.

Invariants: the fields that steer the router never leave; a patch touches no byte beyond what `RequestEdits` ask for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.fields import NULL, OBJECT, Misfit, Spoken
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.openai_chat.message import encode_message
from gearshift.protocols.openai_chat.request import SAMPLING
from gearshift.protocols.openai_chat.tools import encode_choice, encode_format, encode_tool
from gearshift.protocols.steering import strip_routing
from gearshift.types.chat import Message, Request

MAX_TOKENS: Final = ("max_completion_tokens", "max_tokens")
"""The two spellings of one field; a quirk says which of them an upstream knows."""


def encode_request(request: Request, edits: RequestEdits) -> bytes:
    """Say a request to an upstream; raise InvalidRequest when it holds what this protocol cannot say."""
    try:
        said = _encode(request, edits)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    _refuse_dropped(said, edits)
    return msgspec.json.encode(said)


def patch_request(body: bytes, edits: RequestEdits) -> bytes:
    """Change the model's name, take the steering fields out and follow the upstream's quirks; all else stays.

    `body` is one that `decode_request` has accepted. Raises InvalidRequest on a field that the upstream refuses.
    """
    document = JsonObject(body, InvalidRequest)
    members = document.members
    if edits.quirks.drops:
        _refuse_dropped((name for name, raw in members.items() if bytes(raw) != NULL), edits)
    try:
        changes = strip_routing(members)
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


def _encode(request: Request, edits: RequestEdits) -> Spoken:
    extra = dict(request.extra)
    said: Spoken = {"model": edits.model, "messages": _encode_messages(request.messages)}
    if request.tools:
        said["tools"] = [encode_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        said["tool_choice"] = encode_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = request.parallel_tool_calls
    if request.response_format is not None:
        said["response_format"] = encode_format(request.response_format)
    said.update(_encode_sampling(request, edits.quirks.max_tokens_field))
    if request.stream:
        said["stream"] = True
    if options := _encode_stream_options(request, edits, extra.pop("stream_options", None)):
        said["stream_options"] = options
    if request.metadata:
        said["metadata"] = request.metadata
    said.update(extra)
    return said


def _encode_messages(messages: tuple[Message, ...]) -> list[Spoken]:
    said: list[Spoken] = []
    for index, message in enumerate(messages):
        try:
            said.extend(encode_message(message))
        except Misfit as misfit:
            raise misfit.within(f"messages[{index}]") from None
    return said


def _encode_sampling(request: Request, max_tokens: str) -> Spoken:
    sampling = request.sampling
    said: Spoken = {"stop": sampling.stop} if sampling.stop else {}
    for name, (field, _) in SAMPLING.items():
        value = getattr(sampling, field)
        if value is not None and (name not in MAX_TOKENS or name == max_tokens):
            said[name] = value
    return said


def _encode_stream_options(request: Request, edits: RequestEdits, rest: Raw | None) -> Spoken:
    include = True if edits.include_usage and request.stream else request.include_usage
    said: Spoken = {} if include is None or not edits.quirks.stream_usage else {"include_usage": include}
    return said if rest is None else {**said, **OBJECT.read(rest, "stream_options")}
