"""Own token counts: the `usage` object, wire to noun and back.

Invariants: a usage object that lacks its counts is unknown (None), never zero; Converse's `inputTokens` leave cached
ones out, the noun's hold them. Thinking is counted within `outputTokens`, never apart.
Sources (2026-11): botocore's model of bedrock-runtime, `TokenUsage`; that cached ones are left out:
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, https://github.com/anomalyco/opencode/pull/38427
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import Count, Spoken
from gearshift.types.chat import Usage


class Counts(Struct):
    """Hold the counts of a `usage` object; None: not said."""

    inputTokens: Count | None = None  # noqa: N815 - the wire's word
    outputTokens: Count | None = None  # noqa: N815
    totalTokens: Count | None = None  # noqa: N815
    cacheReadInputTokens: Count | None = None  # noqa: N815
    cacheWriteInputTokens: Count | None = None  # noqa: N815
    estimated: bool | None = None


_counts = msgspec.json.Decoder(Counts)


def decode_usage(raw: Raw) -> Usage | None:
    """Give the noun, None where input or output are not known."""
    try:
        counts = _counts.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if counts.inputTokens is None or counts.outputTokens is None:
        return None
    read, written = counts.cacheReadInputTokens or 0, counts.cacheWriteInputTokens or 0
    return Usage(
        input_tokens=counts.inputTokens + read + written,
        output_tokens=counts.outputTokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
        estimated=bool(counts.estimated),
    )


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {
        "inputTokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
        "cacheReadInputTokens": usage.cache_read_tokens,
        "cacheWriteInputTokens": usage.cache_write_tokens,
    }
    if usage.estimated:
        said["estimated"] = True
    return said
