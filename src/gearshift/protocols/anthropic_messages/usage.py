"""Own token counts: the `usage` object, wire to noun and back.

Invariants: a usage object that lacks its counts is unknown (None), never zero; Anthropic's `input_tokens` leave cached
ones out, the noun's hold them, and what is said is never negative. Tokens that were written for an hour are part of
those that were written.
Source: the Anthropic API reference, "Messages", `usage` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.answering import Patcher
from gearshift.protocols.fields import Count, Spoken
from gearshift.protocols.losses import mapped
from gearshift.types.chat import Usage
from gearshift.types.record import Loss


class _Details(Struct):
    thinking_tokens: Count | None = None


class _Creation(Struct):
    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class Counts(Struct):
    """Hold the counts of a `usage` object; None: not said."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: _Creation | None = None
    output_tokens_details: _Details | None = None
    estimated: bool | None = None

    def later(self, other: Counts) -> Counts:
        """Give these counts, replaced by what `other` says: a stream's are cumulative."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(other, name)) is not None}
        return msgspec.structs.replace(self, **said)

    @property
    def usage(self) -> Usage | None:
        """Give the noun, None where input or output are not known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        read, (written, hour), details = self.cache_read_input_tokens or 0, self._written, self.output_tokens_details
        return Usage(
            input_tokens=self.input_tokens + read + written,
            output_tokens=self.output_tokens,
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=hour,
            reasoning_tokens=(details.thinking_tokens if details else None) or 0,
            estimated=bool(self.estimated),
        )

    @property
    def _written(self) -> tuple[int, int]:
        """Give the tokens that were written to the cache, and those of them that were for an hour."""
        made = self.cache_creation or _Creation()
        minutes, hour = made.ephemeral_5m_input_tokens or 0, made.ephemeral_1h_input_tokens or 0
        written = minutes + hour if self.cache_creation_input_tokens is None else self.cache_creation_input_tokens
        return written, min(hour, written)


_counts = msgspec.json.Decoder(Counts)


def decode_counts(raw: Raw) -> Counts:
    """Give the counts of a `usage` object, none where it cannot be read."""
    try:
        return _counts.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Counts()


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts; cached ones that are more than the input leave none of it (see `overdrawn`)."""
    written, hour = usage.cache_write_tokens, usage.cache_write_1h_tokens
    said: Spoken = {
        "input_tokens": max(0, usage.input_tokens - usage.cache_read_tokens - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if hour:
        said["cache_creation"] = {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour}
    if usage.reasoning_tokens:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.estimated:
        said["estimated"] = True
    return said


def overdrawn(usage: Usage) -> list[Loss]:
    """Say where an upstream counts more tokens as cached than as input, which Anthropic's counts cannot tell."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    if cached <= usage.input_tokens:
        return []
    return [mapped("usage.input_tokens", f"said as 0: the upstream counts {cached} cached of {usage.input_tokens}")]


UNKNOWN: Final[Spoken] = {"input_tokens": None, "output_tokens": None}
"""A usage that nobody counted: the official client looks for the members, and null is no number."""
PATCHER: Final = Patcher(encode_usage=encode_usage)
