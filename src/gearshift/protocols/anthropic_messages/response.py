"""Own answers that are not streamed: wire to noun and back, a quick look at the facts, and the patch for a caller.

Invariants: as in `openai_chat.response`. Anthropic's `input_tokens` leave cached ones out, the noun's hold them. Blocks
without a noun, such as those of its own tools, stay raw in the choice's `extra` under `message`.
Source: the Anthropic API reference, "Messages", `stop_reason`, `usage` (2026-11).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from gearshift.protocols.anthropic_messages.blocks import BLOCK_TYPES, NAME, Speaker, decode_block
from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, OBJECTS, TEXT, Misfit, Spoken, keep, maybe, take, word
from gearshift.protocols.fold import MESSAGE
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.losses import dropped
from gearshift.protocols.wording import invalid, upstream_message
from gearshift.types.chat import (
    Choice,
    Extra,
    FinishReason,
    Part,
    Reasoning,
    Refusal,
    Response,
    Text,
    ToolCall,
    Usage,
)
from gearshift.types.record import Loss

STOP_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_SAID: Final[dict[FinishReason | None, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "error": "end_turn",
}
BLOCKS: Final = "blocks"
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_members = msgspec.json.Decoder(dict[str, Raw])


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
    choice = response.choices[0]
    return ResponsePeek(
        usage=response.usage,
        finish_reason=choice.finish_reason,
        response_id=response.id or None,
        upstream_model=response.model or None,
        answer_bytes=sum(size(part) for part in choice.parts),
    )


def size(part: Part) -> int:
    """Give the UTF-8 bytes of answer text in a part."""
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
    """Patch an answer."""
    changes: dict[str, bytes | None] = {"model": msgspec.json.encode(edits.model)}
    usage = patch_usage(bytes(answer.members.get("usage", ABSENT)), edits)
    if usage is not None:
        changes["usage"] = usage
    if edits.top:
        changes.update((name, bytes(value)) for name, value in _members.decode(b"{%b}" % edits.top).items())
    return answer.patch(changes)


def patch_usage(usage: bytes, edits: ResponseEdits) -> bytes | None:
    """Add to a usage object, which is told what was counted where it lacks its counts; None: nothing to add."""
    known: Spoken = {}
    try:
        known |= _members.decode(usage)
    except (msgspec.DecodeError, UnicodeDecodeError):
        known = {}
    counted = edits.counted is not None and "output_tokens" not in known
    if not edits.usage and not counted:
        return None
    if counted and edits.counted is not None:
        known |= encode_usage(edits.counted)
    return msgspec.json.encode(known | _members.decode(b"{%b}" % edits.usage))


def encode_response(response: Response) -> Encoded:
    """Say an answer."""
    losses: list[Loss] = []
    choice = response.choices[0]
    extra = dict(choice.extra)
    content: list[object] = list(Speaker(losses, to_caller=True).blocks(choice.parts, "content"))
    if MESSAGE in extra:
        content += OBJECTS.read(OBJECT.read(extra.pop(MESSAGE), MESSAGE)[BLOCKS], BLOCKS)
    if choice.logprobs is not None:
        losses.append(dropped("logprobs", "Anthropic's answers have none"))
    if len(response.choices) > 1:
        losses.append(dropped("choices", "Anthropic's answers are one"))
    said: Spoken = {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": content,
        "stop_reason": say_reason(choice.finish_reason),
        "stop_sequence": None,
        **extra,
        **response.extra,
    }
    rest = OBJECT.read(response.extra["usage"], "usage") if "usage" in response.extra else {}
    said["usage"] = encode_usage(response.usage or Usage()) | rest
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def say_reason(reason: FinishReason | None) -> str | None:
    """Say why an answer stopped."""
    return _SAID.get(reason)


def decode_reason(members: Members, extra: Extra) -> FinishReason | None:
    """Take the reason to stop; one that the noun's word does not give back is kept in `extra`."""
    raw = members.get("stop_reason", ABSENT)
    said = maybe(members, "stop_reason", TEXT)
    if said is None:
        return None
    reason = STOP_REASONS.get(said, "stop")
    if _SAID[reason] != said:
        extra["stop_reason"] = raw
    return reason


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
    members.pop("type", None)
    members.pop("role", None)
    parts: list[Part] = []
    others: list[Members] = []
    for index, block in enumerate(take(members, "content", OBJECTS)):
        try:
            if TEXT.read(block.get("type", ABSENT) or Raw(NULL), "type") in BLOCK_TYPES:
                parts.append(decode_block(block))
            else:
                others.append(block)
        except Misfit as misfit:
            raise misfit.within(f"content[{index}]") from None
    extra: Extra = {MESSAGE: Raw(msgspec.json.encode({BLOCKS: others}))} if others else {}
    reason = decode_reason(members, extra)
    for name in ("stop_sequence", "stop_details"):
        if bytes(raw := members.pop(name, ABSENT)) not in {b"", NULL}:
            extra[name] = raw
    spoken = members.pop("usage", Raw(NULL))
    usage = decode_counts(spoken).usage
    rest = {} if bytes(spoken) == NULL else OBJECT.read(spoken, "usage")
    keep(members, "usage", {name: raw for name, raw in rest.items() if name not in Counts.__struct_fields__})
    choice = Choice(
        index=0, parts=tuple(part for part in parts if not _says_nothing(part)), finish_reason=reason, extra=extra
    )
    return Response(
        protocol=NAME,
        id=word(members.pop("id", ABSENT)) or "",
        model=word(members.pop("model", ABSENT)) or "",
        created=0,
        choices=(choice,),
        usage=usage,
        extra=members,
    )


def _says_nothing(part: Part) -> bool:
    return isinstance(part, Text) and not part.text and not part.extra
