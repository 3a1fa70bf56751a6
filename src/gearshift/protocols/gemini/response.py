"""Own answers: candidates to choices and back, a quick look at the facts, and the patch for a caller.

Invariants: as in `openai_chat.response`. What is left of a candidate, and parts without a noun, stay raw in the
choice's `extra`, the parts under `message`. Thoughts are counted beside the candidates on the wire, in the noun within.
Source: the Gemini API reference, "Generating content", `GenerateContentResponse` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.answering import peek, read_answer
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
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.citations import decode_citations, say_citation
from gearshift.protocols.gemini.logprobs import decode_logprobs, encode_logprobs
from gearshift.protocols.gemini.parts import NAME, camel, decode_parts
from gearshift.protocols.gemini.speaker import Speaker
from gearshift.protocols.gemini.usage import MODEL, PATCHER, USAGE, decode_usage, encode_usage
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wording import invalid
from gearshift.types.chat import (
    Choice,
    Citation,
    Extra,
    FinishReason,
    Media,
    Part,
    Response,
    Text,
    ToolCall,
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


def decode_response(body: bytes) -> Response:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
    members = read_answer(body).members
    try:
        return _decode(camel(members))
    except Misfit as misfit:
        raise invalid(str(misfit)) from None


def peek_response(body: bytes) -> ResponsePeek:
    """Check that `body` is an answer and give its facts; raise UpstreamInvalid when it is not."""
    return peek(decode_response(body))


def patch_response(body: bytes, edits: ResponseEdits) -> bytes:
    """Change only what `edits` say, byte for byte."""
    return PATCHER.patch(read_answer(body), edits)


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
        said[USAGE] = {**({} if response.usage is None else encode_usage(response.usage)), **rest}
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


def decode_reason(members: Members, extra: Extra, *, calls: bool) -> FinishReason | None:
    """Take why a candidate stopped; raise UpstreamInvalid where it failed."""
    spoken = members.get("finishReason", ABSENT)
    said = maybe(members, "finishReason", TEXT)
    if said in {None, "", "FINISH_REASON_UNSPECIFIED"}:
        return None
    if said in FAILURES:
        raise invalid(f"it ended with finishReason {said}")
    reason = FINISH_REASONS.get(said, "stop")
    if _SAID[reason] != said:
        extra["finishReason"] = spoken
    return "tool_calls" if reason == "stop" and calls else reason


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
    feedback = camel(maybe(dict(members), "promptFeedback", OBJECT) or {})
    return bytes(feedback.get("blockReason", NULL)) not in {NULL, b'""'}


def _decode_candidate(members: Members, place: int, name: str) -> Choice:
    try:
        members = camel(members)
        index = maybe(members, "index", INTEGER)
        content = maybe(members, "content", OBJECT) or {}
        found = [*decode_parts(content, Calls(f"{name}-"), "content")]
        parts, others = merged(found)
        extra: Extra = {MESSAGE: raw({PARTS: others})} if others else {}
        reason = decode_reason(members, extra, calls=any(isinstance(part, ToolCall) for part in parts))
        scores = decode_logprobs(members.pop("logprobsResult", None))
        cited = decode_citations(members) if any(isinstance(part, Text) for part in parts) else ()
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


def merged(found: list[Part]) -> tuple[tuple[Part, ...], list[Spoken]]:
    """Give parts with neighbours of one kind joined, as a stream has them; and, apart, those without a noun."""
    parts: list[Part] = []
    others: list[Spoken] = []
    speaker = Speaker([], {})
    for part in found:
        last = parts[-1] if parts else None
        match part:
            case Media() if not is_given(part):
                others.append(speaker.media(part, PARTS))
            case Text(text="", extra=extra) if not extra:
                pass
            case Text(extra=extra) if isinstance(last, Text) and not extra:
                parts[-1] = msgspec.structs.replace(last, text=last.text + part.text)
            case _:
                parts.append(part)
    return tuple(parts), others


def is_given(media: Media) -> bool:
    """Say whether a part is an image, a sound or a file of the answer: neither a thought nor without a noun."""
    return "type" not in media.extra and "thought" not in media.extra


def _with_citations(parts: tuple[Part, ...], cited: tuple[Citation, ...]) -> tuple[Part, ...]:
    """Give citations to the last text, which a stream has open when they come."""
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if cited and isinstance(part, Text):
            return (*parts[:place], msgspec.structs.replace(part, citations=cited), *parts[place + 1 :])
    return parts
