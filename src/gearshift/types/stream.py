"""Own the events of a stream, of no particular protocol.

Invariant: a `Response` is the fold of its `Event`s (`protocols.fold`).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from gearshift.types.chat import Citation, Extra, FinishReason, Media, PartKind, Usage


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """Open a stream. `extra` keeps the top-level fields that stay the same in every chunk."""

    protocol: str = ""
    id: str
    model: str
    created: int
    extra: Extra = msgspec.field(default_factory=dict)


class PartStarted(Struct, frozen=True, kw_only=True, tag="part_started"):
    """Open part number `part` of answer `choice`: a tool call with `id` and `name`, thinking as `Reasoning` has it."""

    choice: int
    part: int
    kind: PartKind
    id: str | None = None
    name: str | None = None
    origin: str | None = None
    redacted: bool = False
    extra: Extra = msgspec.field(default_factory=dict)


class PartDelta(Struct, frozen=True, kw_only=True, tag="part_delta"):
    """Add `text` (or argument JSON text) to an open part; `logprobs` belong to this delta.

    `signature` is that of the thinking before it; `citations` are of the part's text.
    """

    choice: int
    part: int
    text: str
    signature: str | None = None
    citations: tuple[Citation, ...] = ()
    logprobs: Raw | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class MediaGiven(Struct, frozen=True, kw_only=True, tag="media_given"):
    """Give part number `part` of answer `choice`, which is an image, a sound or a file, at once and whole."""

    choice: int
    part: int
    media: Media


class ChoiceDelta(Struct, frozen=True, kw_only=True, tag="choice_delta"):
    """Add to answer `choice` what belongs to none of its parts: fields without a noun, logprobs without text.

    Of `extra` a later event replaces what an earlier said; `message` holds pieces, which go on from the earlier ones.
    """

    choice: int
    logprobs: Raw | None = None
    message: Extra = msgspec.field(default_factory=dict)
    extra: Extra = msgspec.field(default_factory=dict)


class PartEnded(Struct, frozen=True, kw_only=True, tag="part_ended"):
    """Close a part."""

    choice: int
    part: int


class ChoiceEnded(Struct, frozen=True, kw_only=True, tag="choice_ended"):
    """Say why answer `choice` stopped."""

    choice: int
    finish_reason: FinishReason
    extra: Extra = msgspec.field(default_factory=dict)


class Finished(Struct, frozen=True, kw_only=True, tag="finished"):
    """Close a stream that came to its proper end. `extra` keeps the top-level fields that came late."""

    usage: Usage | None = None
    extra: Extra = msgspec.field(default_factory=dict)


Event: TypeAlias = Started | PartStarted | PartDelta | PartEnded | MediaGiven | ChoiceDelta | ChoiceEnded | Finished
