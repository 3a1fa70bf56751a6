"""Own answers that are not streamed: wire to noun and back, a quick look at the facts, and the patch for a caller.

Invariants: an answer without a choice, or one that ended in an error, is no answer; a body that `peek_response` accepts
can be patched. An empty text says nothing and makes no part. What a noun does not cover stays raw in `extra`, that of
`message` and `usage` under those names; so does a `finish_reason` without a noun, which reads as `stop`.
Source: the OpenAI API reference, "The chat completion object" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.answering import read_answer
from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import (
    ABSENT,
    INTEGER,
    NULL,
    OBJECT,
    OBJECTS,
    TEXT,
    Kind,
    Misfit,
    Spoken,
    keep,
    maybe,
    take,
    whole,
    word,
)
from gearshift.protocols.fold import MESSAGE
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.openai_chat.citations import ANNOTATIONS, say_citations, take_citations
from gearshift.protocols.openai_chat.facts import ChoicePeek
from gearshift.protocols.openai_chat.message import decode_answer, encode_answer
from gearshift.protocols.openai_chat.usage import decode_usage, encode_usage, peek_usage
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Choice, Extra, FinishReason, Part, Reasoning, Refusal, Response, Text, ToolCall

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",  # before there were tools: OpenAI API reference, deprecated
}
FAILURES: Final = frozenset({"error", "insufficient_system_resource", "abort"})
"""Finish reasons of answers that failed: OpenRouter "Errors", DeepSeek "Create chat completion", vLLM (2026-11)."""

_NONE: Final = "found none, expected at least one"
_CHOICES: Final = Kind(msgspec.json.Decoder(list[ChoicePeek]), "a list of objects")
_COUNTS: Final = frozenset({"prompt_tokens", "completion_tokens"})
_members = msgspec.json.Decoder(dict[str, Raw])


def decode_response(body: bytes) -> Response:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
    members = read_answer(body).members
    try:
        return _decode(members)
    except Misfit as misfit:
        raise invalid(str(misfit)) from None


def encode_response(response: Response) -> Encoded:
    """Say an answer."""
    said: Spoken = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_encode_choice(choice) for choice in response.choices],
        **response.extra,
    }
    said |= _say_usage(response)
    return Encoded(body=msgspec.json.encode(said))


def peek_response(body: bytes) -> ResponsePeek:
    """Check that `body` is an answer and give its facts; raise UpstreamInvalid when it is not."""
    members = read_answer(body).members
    try:
        return _peek(members)
    except Misfit as misfit:
        raise invalid(str(misfit)) from None


def patch_response(body: bytes, edits: ResponseEdits) -> bytes:
    """Change only what `edits` say, byte for byte."""
    return patch_answer(read_answer(body), edits)


def patch_answer(answer: JsonObject, edits: ResponseEdits) -> bytes:
    """Patch an answer, or the last chunk of one."""
    changes: dict[str, bytes | None] = {"model": msgspec.json.encode(edits.model)}
    usage = bytes(answer.members.get("usage", ABSENT))
    if edits.usage or (edits.counted is not None and usage in {b"", NULL}):
        changes["usage"] = _patch_usage(usage, edits)
    if edits.top:
        changes.update((name, bytes(value)) for name, value in _inner(edits.top).items())
    return answer.patch(changes)


def _patch_usage(usage: bytes, edits: ResponseEdits) -> bytes:
    """Add to a usage object, replacing what is there already; one without its counts is told what was counted."""
    added = _inner(edits.usage)
    known: Spoken
    try:
        known = dict(_members.decode(usage))
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = {}
    if edits.counted is not None and not known.keys() >= _COUNTS:
        known |= encode_usage(edits.counted, {})
    elif known and added and known.keys().isdisjoint(added):
        return b"%b,%b}" % (usage[:-1].rstrip(), edits.usage)
    return msgspec.json.encode(known | added)


def _refuse_failure(finish_reason: str | None) -> None:
    """Refuse an answer that ended in an error."""
    if finish_reason in FAILURES:
        raise invalid(f"it ended with finish_reason {finish_reason}")


def decode_finish(members: Members, extra: Extra) -> FinishReason | None:
    """Take the finish reason; a word without a noun is kept in `extra`."""
    spoken = members.get("finish_reason", ABSENT)
    word = maybe(members, "finish_reason", TEXT)
    if not word:
        return None
    _refuse_failure(word)
    reason = FINISH_REASONS.get(word, "stop")
    if reason != word:
        extra["finish_reason"] = spoken
    return reason


def _say_usage(answer: Response) -> Spoken:
    """Say the usage of an answer with what was kept beside it, if there is any."""
    rest = OBJECT.read(answer.extra["usage"], "usage") if "usage" in answer.extra else {}
    return {"usage": encode_usage(answer.usage, rest)} if answer.usage is not None or rest else {}


def _peek(members: Members) -> ResponsePeek:
    choices = take(members, "choices", _CHOICES)
    if not choices:
        raise Misfit("choices", _NONE)
    size, call_id = 0, None
    for place, choice in enumerate(choices):
        if choice.message is None:
            raise Misfit(f"choices[{place}].message", "missing, expected an object")
        _refuse_failure(choice.finish_reason)
        size += choice.message.size()
        call_id = call_id or choice.message.call_id()
    return ResponsePeek(
        usage=peek_usage(members.get("usage")),
        finish_reason=choices[0].finish_reason or None,
        response_id=word(members.get("id", ABSENT)),
        upstream_model=word(members.get("model", ABSENT)),
        answer_bytes=size,
        call_id=call_id,
    )


def _decode(members: Members) -> Response:
    members.pop("object", None)
    choices = take(members, "choices", OBJECTS)
    if not choices:
        raise Misfit("choices", _NONE)
    usage = None
    if "usage" in members:
        usage, rest = decode_usage(members.pop("usage"))
        keep(members, "usage", rest)
    return Response(
        protocol="openai_chat",
        id=word(members.pop("id", ABSENT)) or "",
        model=word(members.pop("model", ABSENT)) or "",
        created=whole(members.pop("created", ABSENT)),
        choices=tuple(_decode_choice(choice, index) for index, choice in enumerate(choices)),
        usage=usage,
        extra=members,
    )


def _decode_choice(members: Members, place: int) -> Choice:
    try:
        index = maybe(members, "index", INTEGER)
        message = take(members, "message", OBJECT)
        message.pop("role", None)
        parts = _cite(decode_answer(message, lax=True), message)
        extra: Extra = {}
        finish_reason = decode_finish(members, extra)
        logprobs = members.pop("logprobs", ABSENT)
        extra |= members
        keep(extra, MESSAGE, message)
    except Misfit as misfit:
        raise misfit.within(f"choices[{place}]") from None
    return Choice(
        index=place if index is None else index,
        parts=tuple(part for part in parts if not _says_nothing(part)),
        finish_reason=finish_reason,
        logprobs=None if bytes(logprobs) in {b"", NULL} else logprobs,
        extra=extra,
    )


def _cite(parts: tuple[Part, ...], message: Members) -> tuple[Part, ...]:
    """Give the parts, the text with what it cites; annotations of an answer without one text stay where they are."""
    texts = [place for place, part in enumerate(parts) if isinstance(part, Text)]
    if len(texts) != 1 or not (cited := take_citations(message)):
        return parts
    return tuple(msgspec.structs.replace(part, citations=cited) if isinstance(part, Text) else part for part in parts)


def _says_nothing(part: Part) -> bool:
    return isinstance(part, Text | Reasoning | Refusal) and not part.text and not part.extra


def _encode_choice(choice: Choice) -> Spoken:
    extra = dict(choice.extra)
    message: Spoken = {"role": "assistant", **encode_answer(list(choice.parts))}
    spoken = [part for part in choice.parts if not isinstance(part, ToolCall | Reasoning)]
    if all(isinstance(part, Text) and not part.extra for part in spoken) and (spoken or not choice.parts):
        message["content"] = "".join(part.text for part in spoken if isinstance(part, Text))
    if cited := _cited(choice.parts):
        message[ANNOTATIONS] = cited
    if MESSAGE in extra:
        message.update(OBJECT.read(extra.pop(MESSAGE), MESSAGE))
    return {
        "index": choice.index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason,
        **extra,
    }


def _cited(parts: tuple[Part, ...]) -> list[Spoken]:
    """Say what the texts of an answer cite, which are one text."""
    said: list[Spoken] = []
    before = 0
    for part in parts:
        if isinstance(part, Text):
            said += say_citations(part.citations, before)
            before += len(part.text)
    return said


def _inner(text: bytes) -> Members:
    return _members.decode(b"{%b}" % text)
