"""Own token counts: the `usage` object, wire to noun and back.

Invariants: a usage object that lacks its counts, or whose counts cannot be, is unknown (None), never zero; cached
tokens are part of the input and reasoning tokens part of the output, however the upstream counts them. Members
without a noun stay raw.
Sources: OpenAI API reference, "The chat completion object"; DeepSeek, "Context caching" (`prompt_cache_hit_tokens`);
OpenRouter, "Usage accounting" (`cache_write_tokens`) (2026-11). xAI counts reasoning beside the completion ("counted
separately from completion_tokens, but counted in the total_tokens": docs.x.ai, "Consumption and rate limits"): a total
that adds up only with the reasoning tokens, or more reasoning than completion, tells so.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import OBJECT, Count, Misfit, Spoken, keep, maybe
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Usage


class _Prompt(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _Completion(Struct):
    reasoning_tokens: Count | None = None


class _Wire(Struct):
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count | None = None
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None
    prompt_cache_hit_tokens: Count | None = None
    estimated: bool = False


_wire = msgspec.json.Decoder(_Wire)
COUNTS: Final = (*_Wire.__struct_fields__, *_Prompt.__struct_fields__, *_Completion.__struct_fields__)
_NO_PROMPT: Final = _Prompt()
_NO_COMPLETION: Final = _Completion()


def peek_usage(raw: Raw | None) -> Usage | None:
    """Give the counts of a usage object, None when they are not said or cannot be."""
    if raw is None:
        return None
    try:
        wire = _wire.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    prompt = wire.prompt_tokens_details or _NO_PROMPT
    cached = prompt.cached_tokens
    if cached is None:
        cached = wire.prompt_cache_hit_tokens or 0
    written = prompt.cache_write_tokens or 0
    if cached + written > wire.prompt_tokens:
        return None
    reasoning = (wire.completion_tokens_details or _NO_COMPLETION).reasoning_tokens or 0
    output = wire.completion_tokens
    if reasoning > output or (reasoning and wire.total_tokens == wire.prompt_tokens + output + reasoning):
        output += reasoning
    return Usage(
        input_tokens=wire.prompt_tokens,
        output_tokens=output,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
        estimated=wire.estimated,
    )


def decode_usage(raw: Raw) -> tuple[Usage | None, Members]:
    """Give the counts of a usage object and what they do not cover: all of it when they are unknown."""
    try:
        members = OBJECT.read(raw, "usage")
    except Misfit:
        return None, {}
    usage = peek_usage(raw)
    if usage is None:
        return None, members
    rest = {name: value for name, value in members.items() if name not in _Wire.__struct_fields__}
    for name, known in (
        ("prompt_tokens_details", _Prompt.__struct_fields__),
        ("completion_tokens_details", _Completion.__struct_fields__),
    ):
        details = maybe(members, name, OBJECT) or {}
        keep(rest, name, {key: value for key, value in details.items() if key not in known})
    return usage, rest


def encode_usage(usage: Usage | None, rest: Members) -> Spoken:
    """Say token counts, and what was kept beside them."""
    if usage is None:
        return dict(rest)
    prompt: Spoken = {"cached_tokens": usage.cache_read_tokens}
    if usage.cache_write_tokens:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    said: Spoken = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": _with_rest(prompt, rest, "prompt_tokens_details"),
        "completion_tokens_details": _with_rest(
            {"reasoning_tokens": usage.reasoning_tokens}, rest, "completion_tokens_details"
        ),
    }
    if usage.estimated:
        said["estimated"] = True
    return {**rest, **said}


def _with_rest(said: Spoken, rest: Members, name: str) -> Spoken:
    return {**said, **OBJECT.read(rest[name], name)} if name in rest else said
