"""Own requests on their way in: a caller's body to the noun.

Invariants: a known field of the wrong type is a fault that names it; an unknown field survives; a `null` says nothing.
An object of which a noun covers a part (`stream_options`) keeps the rest raw in `Request.extra`, under its own name;
so does a whole `tool_choice` or `response_format` of a kind without a noun.
Source: the OpenAI API reference, "Create chat completion" (2026-11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.fields import (
    BOOLEAN,
    CACHE,
    INTEGER,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    OBJECTS,
    POSITIVE,
    TAGS,
    TEXT,
    Kind,
    Misfit,
    each,
    keep,
    mark,
    maybe,
    take,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.openai_chat.message import decode_message
from gearshift.protocols.openai_chat.tools import decode_choice, decode_format, decode_tool
from gearshift.protocols.steering import decode_routing, take_model
from gearshift.types.chat import Request, ResponseFormat, Sampling, ToolChoice

T = TypeVar("T")
_UNSAID: Final = Sampling()

MAX_ITEMS: Final = 10_000
"""Most messages, and most tools, of one request."""

_STOP: Final[Kind[str | list[str]]] = Kind(msgspec.json.Decoder(str | list[str]), "a string or a list of strings")

SAMPLING: Final[dict[str, tuple[str, Kind[int | float | str]]]] = {
    "max_completion_tokens": ("max_output_tokens", POSITIVE),
    "max_tokens": ("max_output_tokens", POSITIVE),
    "temperature": ("temperature", NUMBER),
    "top_p": ("top_p", NUMBER),
    "seed": ("seed", INTEGER),
    "n": ("n", POSITIVE),
    "presence_penalty": ("presence_penalty", NUMBER),
    "frequency_penalty": ("frequency_penalty", NUMBER),
    "logprobs": ("logprobs", BOOLEAN),
    "top_logprobs": ("top_logprobs", INTEGER),
    "reasoning_effort": ("reasoning_effort", TEXT),
    "top_k": ("top_k", NUMBER),
    "verbosity": ("verbosity", TEXT),
}
"""Wire name to the name and kind of the field of `Sampling`."""

CARRIED: Final[dict[str, Kind[str | bool | Members | list[Raw]]]] = {
    "audio": OBJECT,
    "functions": LIST,
    "logit_bias": OBJECT,
    "modalities": LIST,
    "moderation": OBJECT,
    "prediction": OBJECT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": OBJECT,
    "prompt_cache_retention": TEXT,
    "safety_identifier": TEXT,
    "store": BOOLEAN,
    "web_search_options": OBJECT,
}
"""Known fields that only the model's side reads: their kind is checked, they stay raw."""
NOUNS: Final = (
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "metadata",
    "user",
    "service_tier",
    "cache_control",
    "reasoning",
)
"""Fields with nouns of their own, beside those of `SAMPLING`."""


def decode_request(body: bytes, path: str = "") -> Request:  # noqa: ARG001 - the body says it all
    """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
    members = JsonObject(body, InvalidRequest).members
    try:
        return _decode(members)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None


def _decode(members: Members) -> Request:
    model = take_model(members)
    messages = _decode_list(members, "messages", decode_message)
    if not messages:
        raise Misfit("messages", "found an empty list, expected at least one message")
    return Request(
        protocol="openai_chat",
        model=model,
        messages=messages,
        tools=_decode_list(members, "tools", decode_tool) if "tools" in members else (),
        tool_choice=_decode_tool_choice(members) if "tool_choice" in members else None,
        parallel_tool_calls=maybe(members, "parallel_tool_calls", BOOLEAN),
        response_format=_decode_response_format(members) if "response_format" in members else None,
        sampling=_decode_sampling(members),
        stream=maybe(members, "stream", BOOLEAN) or False,
        include_usage=_decode_stream_options(members) if "stream_options" in members else None,
        metadata=maybe(members, "metadata", TAGS) or {},
        user=maybe(members, "user", TEXT),
        service_tier=maybe(members, "service_tier", TEXT),
        cache=mark(members, CACHE),
        routing=decode_routing(members),
        extra=_check_carried(members),
    )


def _decode_list(members: Members, name: str, decode: Callable[[Members], T]) -> tuple[T, ...]:
    items = take(members, name, OBJECTS) if name == "messages" else maybe(members, name, OBJECTS) or []
    if len(items) > MAX_ITEMS:
        raise Misfit(name, f"found {len(items)} items, expected at most {MAX_ITEMS}")
    return each(items, decode, name)


def _decode_sampling(members: Members) -> Sampling:
    said: dict[str, object] = {}
    for name in [name for name in members if name in SAMPLING]:
        field, kind = SAMPLING[name]
        value = maybe(members, name, kind)
        if value is None:
            continue
        if said.get(field, value) != value:
            problem = "max_tokens and max_completion_tokens mean the same and differ; send one of them"
            raise Misfit(name, problem)
        said[field] = value
    if "reasoning" in members:
        _decode_reasoning(said, members)
    if (stop := maybe(members, "stop", _STOP)) is not None:
        said["stop"] = [stop] if isinstance(stop, str) else stop
    return msgspec.convert(said, Sampling) if said else _UNSAID


def _decode_reasoning(said: dict[str, object], members: Members) -> None:
    """Take OpenRouter's `reasoning`; what it says beyond the nouns leaves it where it is."""
    spoken = members["reasoning"]
    inner = maybe(members, "reasoning", OBJECT)
    if inner is None:
        return
    at = "reasoning."
    effort, most = maybe(inner, "effort", TEXT, at), maybe(inner, "max_tokens", POSITIVE, at)
    enabled, hidden = maybe(inner, "enabled", BOOLEAN, at), maybe(inner, "exclude", BOOLEAN, at)
    if inner:
        members["reasoning"] = spoken
    if effort is not None and said.setdefault("reasoning_effort", effort) != effort:
        raise Misfit("reasoning.effort", "differs from reasoning_effort, which means the same; send one of them")
    if most is not None or enabled is not None:
        said["reasoning_budget"] = most if most is not None else -int(bool(enabled))
    if hidden:
        said["reasoning_shown"] = "omitted"


def _decode_tool_choice(members: Members) -> ToolChoice | None:
    spoken = members.pop("tool_choice")
    choice = decode_choice(spoken)
    if choice is None and bytes(spoken) != NULL:
        members["tool_choice"] = spoken
    return choice


def _decode_response_format(members: Members) -> ResponseFormat | None:
    spoken = members["response_format"]
    inner = maybe(members, "response_format", OBJECT)
    form = decode_format(inner) if inner is not None else None
    if form is None and inner is not None:
        members["response_format"] = spoken
    return form


def _decode_stream_options(members: Members) -> bool | None:
    inner = maybe(members, "stream_options", OBJECT)
    if inner is None:
        return None
    include = maybe(inner, "include_usage", BOOLEAN, "stream_options.")
    keep(members, "stream_options", inner)
    return include


def _check_carried(members: Members) -> Members:
    """Check the kinds of the fields that stay raw."""
    for name, spoken in members.items():
        if name in CARRIED and bytes(spoken) != NULL:
            CARRIED[name].read(spoken, name)
    return members
