"""Own answers: candidates to choices and back, a quick look at the facts, and the patch for a caller.

Invariants: as in `openai_chat.response`. What is left of a candidate, and parts without a noun, stay raw in the
choice's `extra`, the parts under `message`. Thoughts are counted beside the candidates on the wire, in the noun within.
Source: the Gemini API reference, "Generating content", `GenerateContentResponse` (2026-11).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import (
    ABSENT,
    INTEGER,
    NULL,
    OBJECT,
    OBJECTS,
    TEXT,
    Misfit,
    Spoken,
    keep,
    maybe,
    raw,
    word,
)
from gearshift.protocols.fold import MESSAGE
from gearshift.protocols.gemini.logprobs import decode_logprobs, encode_logprobs
from gearshift.protocols.gemini.parts import NAME, Calls, Speaker, decode_parts
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.wording import invalid, upstream_message
from gearshift.types.chat import (
    Choice,
    Citation,
    Extra,
    FinishReason,
    Media,
    Part,
    Reasoning,
    Refusal,
    Response,
    Text,
    ToolCall,
    Usage,
)
from gearshift.types.record import Loss

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "BLOCKLIST",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "IMAGE_SAFETY",
            "LANGUAGE",
            "MODEL_ARMOR",
            "PROHIBITED_CONTENT",
            "RECITATION",
            "SAFETY",
            "SPII",
        ),
        "content_filter",
    ),
}
FAILURES: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
"""Finish reasons of answers that failed: the text before them is of no use to a caller."""
_SAID: Final[dict[FinishReason | None, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
}
PARTS: Final = "parts"
USAGE: Final = "usageMetadata"
MODEL: Final = "modelVersion"
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_members = msgspec.json.Decoder(dict[str, Raw])


class _Counts(Struct):
    promptTokenCount: _Count  # noqa: N815 - the wire's names
    candidatesTokenCount: _Count | None = None  # noqa: N815
    thoughtsTokenCount: _Count | None = None  # noqa: N815
    cachedContentTokenCount: _Count | None = None  # noqa: N815
    toolUsePromptTokenCount: _Count | None = None  # noqa: N815
    totalTokenCount: _Count | None = None  # noqa: N815
    estimated: bool = False


_counts = msgspec.json.Decoder(_Counts)


def decode_usage(spoken: Raw) -> tuple[Usage | None, Members]:
    """Give the counts of `usageMetadata`, and what they do not cover."""
    try:
        members = OBJECT.read(spoken, USAGE)
        said = _counts.decode(spoken)
    except (Misfit, msgspec.DecodeError, UnicodeDecodeError):
        return None, {}
    thoughts = said.thoughtsTokenCount or 0
    usage = Usage(
        input_tokens=said.promptTokenCount + (said.toolUsePromptTokenCount or 0),
        output_tokens=(said.candidatesTokenCount or 0) + thoughts,
        cache_read_tokens=said.cachedContentTokenCount or 0,
        reasoning_tokens=thoughts,
        estimated=said.estimated,
    )
    return usage, {name: value for name, value in members.items() if name not in _Counts.__struct_fields__}


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


def decode_response(body: bytes) -> Response:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
    members = read_answer(body).members
    try:
        return _decode(members)
    except Misfit as misfit:
        raise invalid(str(misfit)) from None


def peek_response(body: bytes) -> ResponsePeek:
    """Check that `body` is an answer and give its facts; raise UpstreamInvalid when it is not."""
    response = decode_response(body)
    return ResponsePeek(
        usage=response.usage,
        finish_reason=response.choices[0].finish_reason,
        response_id=response.id or None,
        upstream_model=response.model or None,
        answer_bytes=sum(_size(part) for choice in response.choices for part in choice.parts),
    )


def _size(part: Part) -> int:
    match part:
        case Text() | Reasoning() | Refusal():
            return len(part.text.encode())
        case ToolCall():
            return len(part.arguments.encode())
        case _:
            return 0


def patch_response(body: bytes, edits: ResponseEdits) -> bytes:
    """Change only what `edits` say, byte for byte."""
    return patch_answer(read_answer(body), edits)


def patch_answer(answer: JsonObject, edits: ResponseEdits) -> bytes:
    """Patch an answer, or a piece of one."""
    changes: dict[str, bytes | None] = {MODEL: msgspec.json.encode(edits.model)}
    known: Spoken = {}
    try:
        known |= _members.decode(answer.members.get(USAGE, ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = {}
    if edits.counted is not None and "promptTokenCount" not in known:
        known |= encode_usage(edits.counted)
        changes[USAGE] = msgspec.json.encode(known)
    if edits.usage:
        changes[USAGE] = msgspec.json.encode(known | _members.decode(b"{%b}" % edits.usage))
    if edits.top:
        changes.update((name, bytes(value)) for name, value in _members.decode(b"{%b}" % edits.top).items())
    return answer.patch(changes)


def encode_response(response: Response) -> Encoded:
    """Say an answer."""
    losses: list[Loss] = []
    said: Spoken = {
        "candidates": [_candidate(choice, losses) for choice in response.choices],
        MODEL: response.model,
        "responseId": response.id,
    }
    rest = OBJECT.read(response.extra[USAGE], USAGE) if USAGE in response.extra else {}
    if response.usage is not None or rest:
        said[USAGE] = {**encode_usage(response.usage or Usage()), **rest}
    kept = {name: value for name, value in response.extra.items() if name != USAGE}
    return Encoded(body=msgspec.json.encode({**said, **kept}), losses=tuple(losses))


def _candidate(choice: Choice, losses: list[Loss]) -> Spoken:
    extra = dict(choice.extra)
    parts: list[object] = list(Speaker(losses, {}, to_caller=True).parts(choice.parts, "parts"))
    if MESSAGE in extra:
        parts += OBJECTS.read(OBJECT.read(extra.pop(MESSAGE), MESSAGE)[PARTS], PARTS)
    said: Spoken = {"content": {"parts": parts, "role": "model"}, "index": choice.index}
    if choice.finish_reason is not None:
        said["finishReason"] = say_reason(choice.finish_reason)
    cited = [each for part in choice.parts if isinstance(part, Text) for each in part.citations]
    if cited:
        said["citationMetadata"] = {"citations": [say_citation(each) for each in cited]}
    if choice.logprobs is not None:
        said["logprobsResult"] = encode_logprobs(choice.logprobs)
    return {**said, **extra}


def say_reason(reason: FinishReason) -> str:
    """Say why a candidate stopped."""
    return _SAID[reason]


def say_citation(citation: Citation) -> Spoken:
    """Say where a text comes from."""
    said = {"startIndex": citation.start, "endIndex": citation.end, "uri": citation.url, "title": citation.title}
    return {name: value for name, value in said.items() if value is not None}


def decode_reason(members: Members, extra: Extra, *, calls: bool) -> FinishReason | None:
    """Take why a candidate stopped; raise UpstreamInvalid where it failed."""
    spoken = members.get("finishReason", ABSENT)
    said = maybe(members, "finishReason", TEXT)
    if said is None:
        return None
    if said in FAILURES:
        raise invalid(f"it ended with finishReason {said}")
    reason = FINISH_REASONS.get(said, "stop")
    if _SAID[reason] != said:
        extra["finishReason"] = spoken
    return "tool_calls" if reason == "stop" and calls else reason


class _Source(Struct, rename="camel"):
    uri: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Citations(Struct, rename="camel"):
    citations: list[_Source] = []
    citation_sources: list[_Source] = []


_cited = msgspec.json.Decoder(_Citations)


def decode_citations(members: Members) -> tuple[Citation, ...]:
    """Take where the text of a candidate comes from."""
    if "citationMetadata" not in members:
        return ()
    try:
        said = _cited.decode(members["citationMetadata"])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    del members["citationMetadata"]
    return tuple(
        Citation(url=each.uri, title=each.title, start=each.start_index, end=each.end_index)
        for each in (*said.citations, *said.citation_sources)
    )


def read_answer(body: bytes) -> JsonObject:
    """Give a body that may be an answer; raise UpstreamInvalid when it is an error, or no JSON at all."""
    start = body.lstrip()[:1]
    if not start:
        raise invalid("found an empty body, expected JSON")
    if start == b"<":
        raise invalid("found HTML or XML, expected JSON")
    answer = JsonObject(body, invalid, lax=True)
    if bytes(answer.members.get("error", NULL)) != NULL:
        raise invalid(f"found an error in place of an answer: {upstream_message(body) or 'without a message'}")
    return answer


def _decode(members: Members) -> Response:
    candidates = maybe(members, "candidates", OBJECTS) or []
    name = word(members.pop("responseId", ABSENT)) or ""
    choices = tuple(_decode_candidate(each, place, name) for place, each in enumerate(candidates))
    if not choices:
        if not is_blocked(members):
            raise Misfit("candidates", "found none, expected at least one")
        choices = (Choice(index=0, parts=(), finish_reason="content_filter"),)
    usage, rest = decode_usage(members.pop(USAGE, Raw(NULL)))
    keep(members, USAGE, rest)
    model = word(members.pop(MODEL, ABSENT)) or ""
    return Response(protocol=NAME, id=name, model=model, created=0, choices=choices, usage=usage, extra=members)


def is_blocked(members: Members) -> bool:
    """Say whether the request itself was blocked."""
    feedback = maybe(dict(members), "promptFeedback", OBJECT) or {}
    return bytes(feedback.get("blockReason", NULL)) not in {NULL, b'""'}


def _decode_candidate(members: Members, place: int, name: str) -> Choice:
    try:
        index = maybe(members, "index", INTEGER)
        content = maybe(members, "content", OBJECT) or {}
        found = [*decode_parts(content, Calls(f"{name}-"), "content")]
        parts, others = merged(found)
        extra: Extra = {MESSAGE: raw({PARTS: others})} if others else {}
        reason = decode_reason(members, extra, calls=any(isinstance(part, ToolCall) for part in parts))
        scores = decode_logprobs(members.pop("logprobsResult", None))
        cited = decode_citations(members)
    except Misfit as misfit:
        raise misfit.within(f"candidates[{place}]") from None
    told = _with_citations(parts, cited)
    return Choice(
        index=place if index is None else index,
        parts=told,
        finish_reason=reason,
        logprobs=scores,
        extra={**extra, **members},
    )


def merged(found: list[Part]) -> tuple[tuple[Part, ...], list[Extra]]:
    """Give parts with neighbours of one kind joined, as a stream has them; and, apart, those without a noun."""
    parts: list[Part] = []
    others: list[Extra] = []
    for part in found:
        last = parts[-1] if parts else None
        match part:
            case Media():
                others.append({name: value for name, value in part.extra.items() if name != "type"})
            case Text(text="", extra=extra) if not extra:
                pass
            case Text(extra=extra) if isinstance(last, Text) and not extra:
                parts[-1] = msgspec.structs.replace(last, text=last.text + part.text)
            case Reasoning(extra=extra) if (
                isinstance(last, Reasoning) and last.signature is None and part.text and not extra
            ):
                joined = msgspec.structs.replace(part, text=last.text + part.text)
                parts[-1] = joined
            case _:
                parts.append(part)
    return tuple(parts), others


def _with_citations(parts: tuple[Part, ...], cited: tuple[Citation, ...]) -> tuple[Part, ...]:
    """Give citations to the last text, which a stream has open when they come."""
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if cited and isinstance(part, Text):
            return (*parts[:place], msgspec.structs.replace(part, citations=cited), *parts[place + 1 :])
    return parts
