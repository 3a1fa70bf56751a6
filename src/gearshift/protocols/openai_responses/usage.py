"""Own token counts: the `usage` object, wire to noun and back.

Invariant: a usage object that lacks its counts is unknown (None), never zero.
Source: the OpenAI API reference, "The response object", `usage` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.answering import Patcher
from gearshift.protocols.fields import OBJECT, Count, Misfit, Spoken
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Usage


class _Input(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _Output(Struct):
    reasoning_tokens: Count | None = None


class _Counts(Struct):
    input_tokens: Count
    output_tokens: Count
    total_tokens: Count | None = None
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None
    estimated: bool = False


_counts = msgspec.json.Decoder(_Counts)


def decode_usage(spoken: Raw) -> tuple[Usage | None, Members]:
    """Give the counts of a `usage` object, and what they do not cover."""
    try:
        members = OBJECT.read(spoken, "usage")
    except Misfit:
        return None, {}
    try:
        said = _counts.decode(spoken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, members
    inner, outer = said.input_tokens_details, said.output_tokens_details
    usage = Usage(
        input_tokens=said.input_tokens,
        output_tokens=said.output_tokens,
        cache_read_tokens=(inner.cached_tokens if inner else None) or 0,
        cache_write_tokens=(inner.cache_write_tokens if inner else None) or 0,
        reasoning_tokens=(outer.reasoning_tokens if outer else None) or 0,
        estimated=said.estimated,
    )
    return usage, {name: value for name, value in members.items() if name not in _Counts.__struct_fields__}


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    return said | {"estimated": True} if usage.estimated else said


PATCHER: Final = Patcher(encode_usage=encode_usage)
