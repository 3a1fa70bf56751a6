"""Own content blocks: text, images, documents, tool calls and results, thinking, wire to nouns and back.

Invariants: `input` of a tool call is kept byte for byte; members without a noun stay in `extra`, and so does the whole
of a block of a type without one, `type` too; thinking that Anthropic did not sign never goes back to it.
Source: the Anthropic API reference, "Messages" (2026-11).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, assert_never

import msgspec
from msgspec import Raw

from gearshift.protocols.anthropic_messages.citations import decode_citation, say_citation
from gearshift.protocols.fields import (
    BOOLEAN,
    CACHE,
    OBJECT,
    TEXT,
    Kind,
    Misfit,
    Spoken,
    keep,
    mark,
    maybe,
    say_mark,
    take,
)
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.signatures import seal, unseal
from gearshift.types.chat import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

NAME: Final = "anthropic_messages"
CONTENT: Final[Kind[str | list[Members] | None]] = Kind(
    msgspec.json.Decoder(str | list[dict[str, Raw]] | None), "a string or a list of blocks"
)
Blocks: TypeAlias = "list[Spoken]"
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
_PDF: Final = "application/pdf"
_PLAIN: Final = "text/plain"


def decode_content(raw: Raw, name: str = "content") -> tuple[Part, ...]:
    """Give the parts of a content field."""
    content = CONTENT.read(raw, name)
    if isinstance(content, str):
        return (Text(text=content),)
    parts: list[Part] = []
    for index, members in enumerate(content or ()):
        try:
            parts.append(decode_block(members))
        except Misfit as misfit:
            raise misfit.within(f"{name}[{index}]") from None
    return tuple(parts)


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
            case [Text(text=text, cache=None, citations=(), extra=extra)] if text and not extra:
                return text
            case _:
                return self.blocks(parts, at)

    def blocks(self, parts: Sequence[Part], at: str) -> Blocks:
        """Say parts, each as a block; `at` is the path of what holds them."""
        said = [self._block(part, f"{at}[{place}]") for place, part in enumerate(parts)]
        return [block for block in said if block is not None]

    def _block(self, part: Part, at: str) -> Spoken | None:
        match part:
            case Text() | Refusal():
                return self._text(part, at)
            case Media():
                return self._media(part, at)
            case ToolCall():
                return {
                    "type": "tool_use",
                    "id": self._id(part.id, at),
                    "name": part.name,
                    "input": said_input(part.arguments, at),
                    **say_mark(part.cache),
                    **part.extra,
                }
            case ToolResult():
                return self._result(part, at)
            case Reasoning():
                return self._thinking(part, at)
            case _:
                assert_never(part)

    def _text(self, part: Text | Refusal, at: str) -> Spoken | None:
        if isinstance(part, Refusal):
            self.losses.append(mapped(at, "a refusal is said as text"))
            return {"type": "text", "text": part.text, **part.extra}
        if not part.text and not part.extra:
            self.losses.append(dropped(at, "an empty text is refused by Anthropic"))
            return None
        said: Spoken = {"type": "text", "text": part.text, **say_mark(part.cache), **part.extra}
        if part.citations:
            said["citations"] = [say_citation(each, at, self.losses) for each in part.citations]
        return said

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
        said: Spoken = {"type": "tool_result", "tool_use_id": self._id(result.call_id, at)}
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
        if thought.redacted:
            return {"type": "redacted_thinking", "data": signature, **thought.extra}
        return {"type": "thinking", "thinking": thought.text, "signature": signature, **thought.extra}

    def _id(self, name: str, at: str) -> str:
        """Give the id of a tool call as Anthropic takes it: the same for the call and for its result."""
        said = _NOT_IN_ID.sub("_", name) or "call"
        if said != name:
            self.losses.append(mapped(f"{at}.id", f"said as {said}"))
        return said


def said_input(arguments: str, at: str) -> Raw:
    """Give the arguments of a call as the object that they are."""
    text = arguments.strip() or "{}"
    try:
        OBJECT.read(Raw(text.encode()), "arguments")
    except Misfit:
        raise Misfit(f"{at}.arguments", "found text that is no JSON object, expected one") from None
    return Raw(text.encode())


def _decode_text(members: Members) -> Text:
    text, cache = take(members, "text", TEXT), mark(members, CACHE)
    cited = [decode_citation(raw) for raw in _raws.decode(members["citations"])] if _is_list(members) else []
    known = tuple(each for each in cited if each is not None)
    if cited and len(known) == len(cited):
        del members["citations"]
    else:
        known = ()
    if not cited and bytes(members.get("citations", _NOTHING)) in {b"null", b"[]"}:
        del members["citations"]
    return Text(text=text, cache=cache, citations=known, extra=members)


_raws = msgspec.json.Decoder(list[Raw])
_NOTHING: Final = Raw()


def _is_list(members: Members) -> bool:
    return bytes(members.get("citations", _NOTHING))[:1] == b"["


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


def _decode_call(members: Members) -> ToolCall:
    call, name = take(members, "id", TEXT), take(members, "name", TEXT)
    cache = mark(members, CACHE)
    raw = members.pop("input", None)
    arguments = "{}" if raw is None else bytes(raw).decode()
    return ToolCall(id=call, name=name, arguments=arguments, cache=cache, extra=members)


def _decode_result(members: Members) -> ToolResult:
    call = take(members, "tool_use_id", TEXT)
    raw = members.pop("content", None)
    parts = () if raw is None else decode_content(raw)
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
    "tool_use": _decode_call,
    "tool_result": _decode_result,
    "thinking": _decode_thinking,
    "redacted_thinking": _decode_redacted,
}
BLOCK_TYPES: Final = tuple(_DECODERS)
