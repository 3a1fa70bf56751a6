"""Own content blocks: text, media, tool calls and results, thinking, wire to nouns and back.

Invariants: `input` of a tool call is kept byte for byte; a cache point is a block of its own here and a mark of the
part before it as a noun; thinking that was not signed here never goes back; a block without a noun stays whole in
`extra`, under its name.
Source: botocore's model of bedrock-runtime, `ContentBlock` (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias, assert_never

import msgspec
from msgspec import Raw

from gearshift.protocols.arguments import as_object
from gearshift.protocols.bedrock_converse.citations import decode_cited, say_cited
from gearshift.protocols.bedrock_converse.media import WORDS, Kind, Shelf, decode_media
from gearshift.protocols.fields import ABSENT, OBJECT, OBJECTS, TEXT, Misfit, Spoken, maybe, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.signatures import seal, unseal
from gearshift.types.chat import CacheMark, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

NAME: Final = "bedrock_converse"
Blocks: TypeAlias = "list[Spoken]"
POINT: Final = "cachePoint"
_TTLS: Final = frozenset({"5m", "1h"})
_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_.:-]")
_HALF_ID: Final = 32
_KINDS: Final[dict[str, Kind]] = {word: kind for kind, word in WORDS.items()}


class Speaker:
    """Say parts; `losses` gains a line for what cannot be said."""

    def __init__(self, losses: list[Loss], *, to_caller: bool = False) -> None:
        """Speak to an upstream, or `to_caller`, who is told foreign signatures under seal."""
        self.losses = losses
        self._to_caller = to_caller
        self._shelf = Shelf(losses)

    def blocks(self, parts: Iterable[Part], at: str) -> Blocks:
        """Say parts, each as a block, with the cache points behind them; `at` is the path of what holds them."""
        said: Blocks = []
        for place, part in enumerate(parts):
            path = f"{at}[{place}]"
            block = self._block(part, path)
            if block is None:
                continue
            said.append(block)
            if (cache := getattr(part, "cache", None)) is not None:
                said += self.point(cache, path)
        return said

    def point(self, cache: CacheMark | None, at: str) -> Blocks:
        """Say a mark of the prompt cache."""
        if cache is None:
            return []
        ttl: Spoken = {}
        if cache.ttl in _TTLS:
            ttl = {"ttl": cache.ttl}
        elif cache.ttl is not None:
            self.losses.append(dropped(f"{at}.cache_control.ttl", f"expected one of {', '.join(sorted(_TTLS))}"))
        return [{POINT: {"type": "default", **ttl}}]

    def _block(self, part: Part, at: str) -> Spoken | None:
        match part:
            case Text():
                return self._text(part, at)
            case ToolCall():
                call = {
                    "toolUseId": self.id(part.id, at),
                    "name": part.name,
                    "input": as_object(part.arguments, at, self.losses),
                }
                return {"toolUse": {**call, **part.extra}}
            case ToolResult():
                return self._result(part, at)
            case Reasoning():
                return self._thinking(part, at)
            case Media():
                return dict(part.extra) if _is_whole(part) else self._shelf.say(part, at)
            case Refusal():
                self.losses.append(mapped(at, "a refusal is said as text"))
                return self._text(Text(text=part.text), at)
            case _:
                assert_never(part)

    def _text(self, part: Text, at: str) -> Spoken | None:
        if not part.text:
            self.losses.append(dropped(at, "an empty text is refused by Converse"))
            return None
        if part.citations:
            return {"citationsContent": say_cited(part.text, part.citations, at, self.losses)}
        return {"text": part.text}

    def _result(self, result: ToolResult, at: str) -> Spoken:
        content = self.blocks(result.parts, f"{at}.content")
        said: Spoken = {"toolUseId": self.id(result.call_id, at), "content": content}
        if result.is_error is not None:
            said["status"] = "error" if result.is_error else "success"
        return {"toolResult": {**said, **result.extra}}

    def _thinking(self, thought: Reasoning, at: str) -> Spoken | None:
        own = thought.origin == NAME and thought.signature is not None
        if not own and not self._to_caller:
            self.losses.append(dropped(at, "thinking that was not signed through Converse is not taken by it"))
            return None
        signature = seal(thought.signature or "", thought.origin, NAME, base64=thought.redacted)
        if thought.redacted:
            return {"reasoningContent": {"redactedContent": signature}}
        proof = {"signature": signature} if signature else {}
        return {"reasoningContent": {"reasoningText": {"text": thought.text, **proof}}}

    def id(self, name: str, at: str) -> str:
        """Give the id of a tool call as Converse takes it: the same for call and result, no two ids as one."""
        if _ID.fullmatch(name):
            return name
        said = _NOT_IN_ID.sub("_", name[:_HALF_ID]) + sha256(name.encode()).hexdigest()[:_HALF_ID]
        self.losses.append(mapped(f"{at}.id", f"said as {said}"))
        return said


def _is_whole(media: Media) -> bool:
    """Say whether a block without a noun is kept whole."""
    return media.data is None and media.url is None and bool(media.extra)


def decode_blocks(items: Sequence[Members], name: str) -> tuple[Part, ...]:
    """Give the parts of a list of blocks; a cache point marks the part before it."""
    parts: list[Part] = []
    for index, members in enumerate(items):
        try:
            if POINT in members:
                parts[-1:] = [_marked(parts[-1] if parts else None, decode_point(members))]
            else:
                parts.append(decode_block(members))
        except Misfit as misfit:
            raise misfit.within(f"{name}[{index}]") from None
    return tuple(parts)


def decode_point(members: Members) -> CacheMark:
    """Give a mark of the prompt cache."""
    return CacheMark(ttl=maybe(take(members, POINT, OBJECT), "ttl", TEXT, f"{POINT}."))


def _marked(part: Part | None, cache: CacheMark) -> Part:
    if part is None or isinstance(part, Reasoning | Refusal):
        raise Misfit(POINT, "found behind nothing that can be marked, expected it behind text, media or a tool's block")
    return msgspec.structs.replace(part, cache=cache)


def decode_block(members: Members) -> Part:
    """Give one block; its one member says what it is."""
    word = next(iter(members), "")
    if word == "text":
        return Text(text=take(members, "text", TEXT))
    inner = maybe(dict(members), word, OBJECT) if word else None
    if inner is None:
        raise Misfit(word[:40] or "content", "found no block, expected one member that says what it is")
    try:
        return _decode(word, inner, members)
    except Misfit as misfit:
        raise misfit.within(word) from None


def _decode(word: str, inner: Members, members: Members) -> Part:
    match word:
        case "toolUse":
            call, name = take(inner, "toolUseId", TEXT), take(inner, "name", TEXT)
            return ToolCall(id=call, name=name, arguments=bytes(inner.pop("input", _EMPTY)).decode(), extra=inner)
        case "toolResult":
            return _decode_result(inner)
        case "reasoningContent":
            return _decode_thinking(inner)
        case "citationsContent":
            return decode_cited(inner)
        case _ if word in _KINDS:
            return decode_media(_KINDS[word], inner)
        case _:
            return Media(kind="file", extra=members)


def _decode_result(members: Members) -> ToolResult:
    call = take(members, "toolUseId", TEXT)
    status = maybe(members, "status", TEXT)
    items: list[Members] = []
    for item in take(members, "content", OBJECTS):
        json = item.pop("json", ABSENT)
        items.append({"text": Raw(msgspec.json.encode(bytes(json).decode()))} if bytes(json) else item)
    parts = decode_blocks(items, "content")
    return ToolResult(
        call_id=call,
        parts=tuple(part for part in parts if isinstance(part, Text | Media)),
        is_error=None if status is None else status == "error",
        extra=members,
    )


def _decode_thinking(members: Members) -> Reasoning:
    if "redactedContent" in members:
        signature, origin, _ = unseal(take(members, "redactedContent", TEXT), NAME, base64=True)
        return Reasoning(text="", signature=signature, origin=origin, redacted=True)
    inner = take(members, "reasoningText", OBJECT)
    text = take(inner, "text", TEXT, "reasoningText.")
    said = maybe(inner, "signature", TEXT, "reasoningText.")
    if not said:
        return Reasoning(text=text)
    signature, origin, _ = unseal(said, NAME)
    return Reasoning(text=text, signature=signature or None, origin=origin)


_EMPTY: Final = Raw(b"{}")
