"""Own answers that are not streamed: wire to noun and back, a quick look at the facts, and the patch for a caller.

Invariants: as in `openai_chat.response`. Anthropic's `input_tokens` leave cached ones out, the noun's hold them. Blocks
without a noun, such as those of its own tools, stay raw in the choice's `extra` under `message`.
Source: the Anthropic API reference, "Messages", `stop_reason`, `usage` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.answering import peek, read_answer
from gearshift.protocols.anthropic_messages.blocks import BLOCK_TYPES, NAME, Speaker, decode_block
from gearshift.protocols.anthropic_messages.usage import (
    PATCHER,
    UNKNOWN,
    Counts,
    decode_counts,
    encode_usage,
    overdrawn,
)
from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, OBJECTS, TEXT, Misfit, Spoken, keep, maybe, take, word
from gearshift.protocols.fold import MESSAGE
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.protocols.wording import invalid
from gearshift.types.chat import (
    Choice,
    Extra,
    FinishReason,
    Part,
    Response,
    Text,
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


def decode_response(body: bytes) -> Response:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
    members = read_answer(body).members
    try:
        return _decode(members)
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
    choice = response.choices[0]
    extra = dict(choice.extra)
    content: list[object] = list(Speaker(losses, to_caller=True).blocks(choice.parts, "content"))
    if MESSAGE in extra:
        content += OBJECTS.read(OBJECT.read(extra.pop(MESSAGE), MESSAGE).get(BLOCKS, Raw(b"[]")), BLOCKS)
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
    if response.usage is not None:
        losses.extend(overdrawn(response.usage))
    said["usage"] = (UNKNOWN if response.usage is None else encode_usage(response.usage)) | rest
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
