"""Own token counts: `usageMetadata`, wire to noun and back.

Invariants: counts without that of the prompt are unknown (None), never zero; thoughts are counted beside the candidates
on the wire, in the noun within.
Source: the Gemini API reference, "Generating content", `UsageMetadata` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.answering import Patcher
from gearshift.protocols.fields import OBJECT, Count, Misfit, Spoken
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Usage

USAGE: Final = "usageMetadata"
MODEL: Final = "modelVersion"


class _Counts(Struct):
    promptTokenCount: Count  # noqa: N815 - the wire's names
    candidatesTokenCount: Count | None = None  # noqa: N815
    thoughtsTokenCount: Count | None = None  # noqa: N815
    cachedContentTokenCount: Count | None = None  # noqa: N815
    toolUsePromptTokenCount: Count | None = None  # noqa: N815
    totalTokenCount: Count | None = None  # noqa: N815
    estimated: bool = False


_counts = msgspec.json.Decoder(_Counts)


def decode_usage(spoken: Raw) -> tuple[Usage | None, Members]:
    """Give the counts of `usageMetadata`, and what they do not cover."""
    try:
        members = OBJECT.read(spoken, USAGE)
    except Misfit:
        return None, {}
    usage = count(spoken)
    if usage is None:
        return None, members
    return usage, {name: value for name, value in members.items() if name not in _Counts.__struct_fields__}


def count(spoken: Raw) -> Usage | None:
    """Give the counts of `usageMetadata`, None where it says none."""
    try:
        said = _counts.decode(spoken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    thoughts = said.thoughtsTokenCount or 0
    return Usage(
        input_tokens=said.promptTokenCount + (said.toolUsePromptTokenCount or 0),
        output_tokens=(said.candidatesTokenCount or 0) + thoughts,
        cache_read_tokens=said.cachedContentTokenCount or 0,
        reasoning_tokens=thoughts,
        estimated=said.estimated,
    )


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cache_read_tokens:
        said["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.reasoning_tokens:
        said["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.estimated:
        said["estimated"] = True
    return said


PATCHER: Final = Patcher(model=MODEL, usage=USAGE, count="promptTokenCount", encode_usage=encode_usage)
