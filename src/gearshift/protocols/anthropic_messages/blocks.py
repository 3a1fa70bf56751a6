"""Own content blocks: text, images, documents, tool calls and results, thinking, wire to nouns and back.

Invariants: members without a noun stay in `extra`, and so does the whole of a block of a type without one, `type` too;
thinking that Anthropic did not sign never goes back to it, nor does a citation that it did not make.
Source: the Anthropic API reference, "Messages" (2026-11).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, assert_never

import msgspec
from msgspec import Raw

from gearshift.protocols.anthropic_messages.calls import decode_call, said_id
from gearshift.protocols.anthropic_messages.citations import CITATIONS, INDEX, decode_citations, say_citations
from gearshift.protocols.arguments import as_object
from gearshift.protocols.fields import (
    ABSENT,
    BOOLEAN,
    CACHE,
    OBJECT,
    TEXT,
    Kind,
    Misfit,
    Spoken,
    each,
    keep,
    mark,
    maybe,
    raw,
    say_mark,
    take,
)
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.signatures import seal, unseal
from gearshift.types.chat import Citation, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

NAME: Final = "anthropic_messages"
CONTENT: Final[Kind[str | list[Members] | None]] = Kind(
    msgspec.json.Decoder(str | list[dict[str, Raw]] | None), "a string or a list of blocks"
)
Blocks: TypeAlias = "list[Spoken]"
_PDF: Final = "application/pdf"
_PLAIN: Final = "text/plain"


def decode_content(spoken: Raw, name: str = "content") -> tuple[Part, ...]:
    """Give the parts of a content field."""
    content = CONTENT.read(spoken, name)
    if isinstance(content, str):
        return (Text(text=content),)
    return each(content or (), decode_block, name)


def decode_block(members: Members) -> Part:
    """Give one block."""
    kind = take(members, "type", TEXT)
    decode = _DECODERS.get(kind)
    if decode is None:
        return Media(kind="file", extra={"type": Raw(msgspec.json.encode(kind)), **members})
    return decode(members)


class Speaker:
    """Say parts; `losses` gains a line for what cannot be said."""

    def __init__(self, losses: list[Loss], *, to_caller: bool = False) -> None:
        """Speak to an upstream, or `to_caller`, who is told foreign signatures under seal."""
        self.losses = losses
        self._to_caller = to_caller

    def content(self, parts: Sequence[Part], at: str) -> str | Blocks:
        """Say parts in the shortest way: a lone plain text is a string."""
        match parts:
            case [Text(text=text, cache=None, citations=(), extra=extra)] if text.strip() and not extra:
                return text
            case _:
                return self.blocks(parts, at)

    def blocks(self, parts: Sequence[Part], at: str) -> Blocks:
        """Say parts, each as a block; `at` is the path of what holds them."""
        said = [self._block(part, f"{at}[{place}]") for place, part in enumerate(parts)]
        return [block for block in said if block is not None]

    def _block(self, part: Part, at: str) -> Spoken | None:
        match part:
            case Text():
                return self._text(part, at)
            case ToolCall():
                return {
                    "type": "tool_use",
                    "id": said_id(part.id, at, self.losses),
                    "name": part.name,
                    "input": as_object(part.arguments, at, self.losses),
                    **say_mark(part.cache),
                    **part.extra,
                }
            case ToolResult():
                return self._result(part, at)
            case Reasoning():
                return self._thinking(part, at)
            case Media():
                return self._media(part, at)
            case Refusal():
                self.losses.append(mapped(at, "a refusal is said as text"))
                return {"type": "text", "text": part.text, **part.extra}
            case _:
                assert_never(part)

    def _text(self, part: Text, at: str) -> Spoken | None:
        # Anthropic's 400 says: "text content blocks must contain non-whitespace text" (2026-11).
        text = part.text if self._to_caller else part.text.strip()
        if not text and not part.extra:
            self.losses.append(dropped(at, "a text that says nothing is refused by Anthropic"))
            return None
        said: Spoken = {"type": "text", "text": part.text, **say_mark(part.cache), **part.extra}
        if cited := say_citations(self._cited(part, at), part.extra.get(CITATIONS), at, self.losses):
            said[CITATIONS] = cited
        return said

    def _cited(self, text: Text, at: str) -> Sequence[Citation]:
        """Give the pages that a text cites, to Anthropic those that it found itself."""
        own = [each for each in text.citations if self._to_caller or INDEX in each.extra]
        if len(own) < len(text.citations):
            self.losses.append(dropped(f"{at}.citations", "Anthropic takes those back that it made itself"))
        return own

    def _media(self, media: Media, at: str) -> Spoken:
        if "type" in media.extra:
            return dict(media.extra)
        if media.detail is not None:
            self.losses.append(dropped(f"{at}.detail", "Anthropic has no word for it"))
        if media.name is not None and media.kind != "file":
            self.losses.append(dropped(f"{at}.name", "only a document has a title"))
        kind = {"image": "image", "file": "document"}.get(media.kind)
        if kind is None:
            raise Misfit(at, "found a sound, which Anthropic's models cannot be sent; leave it out")
        source = _source(media, at)
        source |= OBJECT.read(media.extra["source"], "source") if "source" in media.extra else {}
        title: Spoken = {"title": media.name} if media.name is not None and media.kind == "file" else {}
        return {"type": kind, **title, **say_mark(media.cache), **media.extra, "source": source}

    def _result(self, result: ToolResult, at: str) -> Spoken:
        said: Spoken = {"type": "tool_result", "tool_use_id": said_id(result.call_id, at, self.losses)}
        if result.parts:
            said["content"] = self.content(result.parts, f"{at}.content")
        if result.is_error is not None:
            said["is_error"] = result.is_error
        return {**said, **say_mark(result.cache), **result.extra}

    def _thinking(self, thought: Reasoning, at: str) -> Spoken | None:
        own = thought.origin == NAME and thought.signature is not None
        if not own and not self._to_caller:
            self.losses.append(dropped(at, "thinking that Anthropic did not sign is not taken by it"))
            return None
        signature = seal(thought.signature or "", thought.origin, NAME)
        if not thought.redacted:
            return {"type": "thinking", "thinking": thought.text, "signature": signature, **thought.extra}
        if thought.text or not thought.signature:
            self.losses.append(dropped(at, "encrypted thinking has no text besides, and is nothing without its data"))
        return {"type": "redacted_thinking", "data": signature, **thought.extra} if thought.signature else None


def _decode_text(members: Members) -> Text:
    text, cache = take(members, "text", TEXT), mark(members, CACHE)
    pages, others = decode_citations(members.pop(CITATIONS, ABSENT))
    if others:
        members[CITATIONS] = raw(others)
    return Text(text=text, cache=cache, citations=pages, extra=members)


def _decode_media(members: Members, kind: str) -> Media:
    source = take(members, "source", OBJECT)
    at = "source."
    cache, title = mark(members, CACHE), maybe(members, "title", TEXT) if kind == "file" else None
    form = take(source, "type", TEXT, at)
    said = {"kind": kind, "name": title, "cache": cache, "extra": members}
    match form:
        case "base64":
            said |= {"data": take(source, "data", TEXT, at), "media_type": take(source, "media_type", TEXT, at)}
        case "url":
            said |= {"url": take(source, "url", TEXT, at)}
        case "text":
            text = take(source, "data", TEXT, at)
            said |= {"data": b64encode(text.encode()).decode(), "media_type": take(source, "media_type", TEXT, at)}
        case _:
            source["type"] = Raw(msgspec.json.encode(form))
    keep(members, "source", source)
    return msgspec.convert(said, Media)


def _source(media: Media, at: str) -> Spoken:
    if media.data is None:
        return {} if media.url is None else {"type": "url", "url": media.url}
    kind = media.media_type
    if media.kind == "file" and kind == _PLAIN:
        return {"type": "text", "media_type": _PLAIN, "data": _plain(media.data, at)}
    if media.kind == "file" and kind not in {_PDF, None}:
        raise Misfit(
            at, f"found a file of type {(kind or '')[:40]}, which Anthropic cannot be sent; expected a PDF or text"
        )
    return {"type": "base64", "media_type": kind or _PDF, "data": media.data}


def _plain(data: str, at: str) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except (Error, ValueError):
        raise Misfit(f"{at}.data", "found what is not base64 of UTF-8 text, expected that") from None


def _decode_result(members: Members) -> ToolResult:
    call = take(members, "tool_use_id", TEXT)
    spoken = members.pop("content", None)
    parts = () if spoken is None else decode_content(spoken)
    for index, part in enumerate(parts):
        if not isinstance(part, Text | Media):
            raise Misfit(f"content[{index}]", "found a block that no tool gives back, expected text or media")
    return ToolResult(
        call_id=call,
        parts=tuple(part for part in parts if isinstance(part, Text | Media)),
        is_error=maybe(members, "is_error", BOOLEAN),
        cache=mark(members, CACHE),
        extra=members,
    )


def _decode_thinking(members: Members) -> Reasoning:
    text = take(members, "thinking", TEXT)
    said = maybe(members, "signature", TEXT)
    if not said:
        return Reasoning(text=text, extra=members)
    signature, origin, _ = unseal(said, NAME)
    return Reasoning(text=text, signature=signature or None, origin=origin, extra=members)


def _decode_redacted(members: Members) -> Reasoning:
    signature, origin, _ = unseal(take(members, "data", TEXT), NAME)
    return Reasoning(text="", signature=signature, origin=origin, redacted=True, extra=members)


_DECODERS: Final[dict[str, Callable[[Members], Part]]] = {
    "text": _decode_text,
    "image": lambda members: _decode_media(members, "image"),
    "document": lambda members: _decode_media(members, "file"),
    "tool_use": decode_call,
    "tool_result": _decode_result,
    "thinking": _decode_thinking,
    "redacted_thinking": _decode_redacted,
}
BLOCK_TYPES: Final = tuple(_DECODERS)
