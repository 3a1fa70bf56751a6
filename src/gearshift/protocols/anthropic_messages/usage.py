"""Own token counts: the `usage` object, wire to noun and back.

Invariants: a usage object that lacks its counts is unknown (None), never zero; Anthropic's `input_tokens` leave cached
ones out, the noun's hold them.
Source: the Anthropic API reference, "Messages", `usage` (2026-11).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from gearshift.protocols.answering import Patcher
from gearshift.protocols.fields import Spoken
from gearshift.types.chat import Usage

_Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Details(Struct):
    thinking_tokens: _Count | None = None


class Counts(Struct):
    """Hold the counts of a `usage` object; None: not said."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
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
        read, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        details = self.output_tokens_details
        return Usage(
            input_tokens=self.input_tokens + read + written,
            output_tokens=self.output_tokens,
            cache_read_tokens=read,
            cache_write_tokens=written,
            reasoning_tokens=(details.thinking_tokens if details else None) or 0,
            estimated=bool(self.estimated),
        )


_counts = msgspec.json.Decoder(Counts)


def decode_counts(raw: Raw) -> Counts:
    """Give the counts of a `usage` object, none where it cannot be read."""
    try:
        return _counts.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Counts()


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {
        "input_tokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.estimated:
        said["estimated"] = True
    return said


PATCHER: Final = Patcher(encode_usage=encode_usage)
