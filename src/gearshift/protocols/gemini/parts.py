"""Own the parts of a content: text, thoughts, media, function calls and responses, wire to nouns and back.

Invariants: `args` of a call are kept byte for byte; a signature that stands at a text or a call is a `Reasoning`
without text before it; a call and its response have one id, also where Gemini's have none; what has no noun stays raw
in `extra`.
Sources: the Gemini API reference, "Generating content", `Content`; "Thought signatures" (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from gearshift.protocols.fields import (
    ABSENT,
    BOOLEAN,
    OBJECT,
    TEXT,
    Kind,
    Misfit,
    Spoken,
    maybe,
    raw,
    take,
)
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.plain import arguments_of, decode_plain, output_of
from gearshift.protocols.json_patch import Members
from gearshift.protocols.signatures import unseal
from gearshift.types.chat import Media, Part, Reasoning, Text, ToolCall, ToolResult

NAME: Final = "gemini"
_PARTS: Final[Kind[Members | list[Members]]] = Kind(
    msgspec.json.Decoder(dict[str, Raw] | list[dict[str, Raw]]), "a list of parts"
)
_THINKING: Final = frozenset({"thought", "thoughtSignature"})
_KINDS: Final = {"image": "image", "audio": "audio"}


def camel(members: Members, at: str = "") -> Members:
    """Give an object with the keys that are known here in camel case: Google's readers take both. `at` leads to it."""
    if _SNAKE.keys().isdisjoint(members):
        return members
    said: Members = {}
    for name, value in members.items():
        key = _SNAKE.get(name, name)
        if key in said:
            raise Misfit(at + key, "said in two spellings, which may differ; say it once")
        said[key] = value
    return said


_CAMEL: Final = """
    allowedFunctionNames blockReason cachedContent candidateCount citationMetadata
    displayName fileData fileUri finishReason frequencyPenalty
    functionCall functionCallingConfig functionDeclarations functionResponse generateContentRequest generationConfig
    includeThoughts inlineData logprobsResult
    maxOutputTokens mimeType modelVersion parametersJsonSchema presencePenalty promptFeedback responseId
    responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema safetySettings speechConfig
    stopSequences systemInstruction thinkingBudget thinkingConfig thinkingLevel thoughtSignature toolConfig topK topP
    usageMetadata
"""
_SNAKE: Final = {re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name): name for name in _CAMEL.split()}


def decode_parts(members: Members, calls: Calls, at: str) -> tuple[Part, ...]:
    """Give the parts of a content; a thought that goes on, or is signed at its end, is one."""
    plain = decode_plain(members["parts"], calls) if "parts" in members else None
    if plain is None:
        return tuple(_decode_all(members, calls, at))
    del members["parts"]
    return plain


def _decode_all(members: Members, calls: Calls, at: str) -> Iterator[Part]:
    said = maybe(members, "parts", _PARTS, f"{at}.") or ()
    before: Part | None = None
    for index, spoken in enumerate([said] if isinstance(said, dict) else said):
        try:
            part = camel(spoken)
            is_thought = bytes(part.get("thought", ABSENT)) == b"true"
            for each in decode_part(part, calls):
                joined = _joined(before, each) if is_thought else None
                if joined is None and before is not None:
                    yield before
                before = joined or each
        except Misfit as misfit:
            raise misfit.within(f"{at}.parts[{index}]") from None
    if before is not None:
        yield before


def _joined(before: Part | None, part: Part) -> Reasoning | None:
    """Give the thought of which both are pieces, None where they are two."""
    if not isinstance(before, Reasoning) or not isinstance(part, Reasoning):
        return None
    if before.signature is not None or before.extra or part.extra or not before.text:
        return None
    return replace(part, text=before.text + part.text)


def decode_part(members: Members, calls: Calls) -> Iterator[Part]:
    """Give what one part says: thinking in front, where it is signed."""
    if not _THINKING.isdisjoint(members):
        yield from _thinking(members)
    if "text" in members:
        yield Text(text=take(members, "text", TEXT), extra=members)
    elif "functionCall" in members:
        yield _decode_call(members, calls)
    elif "functionResponse" in members:
        yield _decode_response(members, calls)
    elif "inlineData" in members:
        yield _decode_data(members)
    elif "fileData" in members:
        yield _decode_file(members)
    elif members.keys() - {"thought"}:
        yield Media(kind="file", extra={"type": raw(next(iter(members))), **members})


def _thinking(members: Members) -> Iterator[Reasoning]:
    """Take a thought, or the signature of what else the part holds."""
    said = maybe(members, "thoughtSignature", TEXT)
    signature, origin, redacted = unseal(said, NAME, base64=True) if said else (None, None, False)
    thought = maybe(members, "thought", BOOLEAN) or False
    if thought and "text" in members:
        text, rest = take(members, "text", TEXT), dict(members)
        members.clear()
        yield Reasoning(text=text, signature=signature, origin=origin, redacted=redacted, extra=rest)
        return
    if thought:
        members["thought"] = raw(thought)
    if signature is not None:
        yield Reasoning(text="", signature=signature, origin=origin, redacted=redacted)
        if bytes(members.get("text", ABSENT)) == b'""' and len(members) == 1:
            members.clear()


def _decode_data(members: Members) -> Media:
    at = "inlineData."
    inner = camel(take(members, "inlineData", OBJECT), at)
    kind, data = take(inner, "mimeType", TEXT, at), take(inner, "data", TEXT, at)
    return _media(kind, members, {"data": data, "name": maybe(inner, "displayName", TEXT, at)})


def _decode_file(members: Members) -> Media:
    at = "fileData."
    inner = camel(take(members, "fileData", OBJECT), at)
    kind, url = maybe(inner, "mimeType", TEXT, at) or "", take(inner, "fileUri", TEXT, at)
    return _media(kind, members, {"url": url, "name": maybe(inner, "displayName", TEXT, at)})


def _media(media_type: str, extra: Members, said: Spoken) -> Media:
    kind = _KINDS.get(media_type.partition("/")[0], "file")
    return msgspec.convert({"kind": kind, "media_type": media_type or None, "extra": extra, **said}, Media)


def _decode_call(members: Members, calls: Calls) -> ToolCall:
    inner = camel(take(members, "functionCall", OBJECT), "functionCall.")
    name = take(inner, "name", TEXT, "functionCall.")
    said = maybe(inner, "id", TEXT, "functionCall.")
    arguments = arguments_of(inner.pop("args", ABSENT))
    if inner:
        members["functionCall"] = raw(inner)
    return ToolCall(id=calls.called(name, said), name=name, arguments=arguments, extra=members)


def _decode_response(members: Members, calls: Calls) -> ToolResult:
    at = "functionResponse."
    inner = camel(take(members, "functionResponse", OBJECT), at)
    name, said = take(inner, "name", TEXT, at), maybe(inner, "id", TEXT, at)
    response = inner.pop("response", ABSENT)
    media = [*_only_media(decode_parts(inner, Calls(), "functionResponse"), f"{at}parts")]
    text, failed = output_of(response)
    if inner:
        members["functionResponse"] = raw(inner)
    return ToolResult(
        call_id=calls.answered(name, said),
        parts=(Text(text=text), *media),
        name=name,
        is_error=failed,
        extra=members,
    )


def _only_media(parts: Iterable[Part], at: str) -> Iterator[Media]:
    for part in parts:
        if not isinstance(part, Media):
            raise Misfit(at, "found a part that is no media, expected inlineData or fileData")
        yield part
