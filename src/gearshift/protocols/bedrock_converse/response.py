"""Own answers that are not streamed: wire to noun and back, a quick look at the facts.

Invariants: Converse names neither the answer nor the model, so both are "" in the noun. Its own measure of time says
nothing that is not measured here. Blocks without a noun stay raw in the choice's `extra` under `message`.
Source: botocore's model of bedrock-runtime, `ConverseResponse`, `StopReason` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.answering import added, peek, read_answer
from gearshift.protocols.bedrock_converse.blocks import NAME, Speaker, decode_block
from gearshift.protocols.bedrock_converse.usage import Counts, decode_usage, encode_usage
from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, OBJECTS, TEXT, Misfit, Spoken, keep, maybe, take
from gearshift.protocols.fold import MESSAGE
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Choice, Extra, FinishReason, Media, Part, Response, Text, Usage
from gearshift.types.record import Loss

STOP_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_SAID: Final[dict[FinishReason | None, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "error": "malformed_model_output",
}
REASON: Final = "stopReason"
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
    """Change only what `edits` say, byte for byte; the model has no place here."""
    answer = read_answer(body)
    usage = patched_usage(bytes(answer.members.get("usage", ABSENT)), edits)
    return answer.patch(({} if usage is None else {"usage": usage}) | added(edits))


def patched_usage(usage: bytes, edits: ResponseEdits) -> bytes | None:
    """Add to a usage object, which is told what was counted where it lacks its counts; None: nothing to add."""
    counted = edits.counted if decode_usage(Raw(usage or NULL)) is None else None
    if not edits.usage and counted is None:
        return None
    known = OBJECT.read(Raw(usage), "usage") if usage[:1] == b"{" else {}
    said = {} if counted is None else encode_usage(counted)
    return msgspec.json.encode({**known, **said, **OBJECT.read(Raw(b"{%b}" % edits.usage), "usage")})


def encode_response(response: Response) -> Encoded:
    """Say an answer."""
    losses: list[Loss] = []
    choice = response.choices[0]
    extra = dict(choice.extra)
    content: list[object] = list(Speaker(losses, to_caller=True).blocks(choice.parts, "content"))
    if MESSAGE in extra:
        content += OBJECTS.read(OBJECT.read(extra.pop(MESSAGE), MESSAGE)[BLOCKS], BLOCKS)
    if choice.logprobs is not None:
        losses.append(dropped("logprobs", "Converse's answers have none"))
    if len(response.choices) > 1:
        losses.append(dropped("choices", "Converse's answers are one"))
    said: Spoken = {
        "output": {"message": {"role": "assistant", "content": content}},
        REASON: say_reason(choice.finish_reason),
        **extra,
        **response.extra,
    }
    said["usage"] = say_usage(response.usage, response.extra)
    return Encoded(body=msgspec.json.encode(said), losses=tuple(losses))


def say_usage(usage: Usage | None, extra: Extra) -> Spoken:
    """Say token counts, with what stands beside them."""
    rest = OBJECT.read(extra["usage"], "usage") if "usage" in extra else {}
    return ({} if usage is None else encode_usage(usage)) | rest


def say_reason(reason: FinishReason | None) -> str:
    """Say why an answer stopped."""
    return _SAID.get(reason, "end_turn")


def decode_reason(members: Members, extra: Extra) -> FinishReason:
    """Take the reason to stop; one that the noun's word does not give back is kept in `extra`."""
    raw = members.get(REASON, ABSENT)
    said = take(members, REASON, TEXT)
    reason = STOP_REASONS.get(said, "stop")
    if _SAID[reason] != said:
        extra[REASON] = raw
    return reason


def keep_usage(members: Members, extra: Extra) -> Usage | None:
    """Take the counts; what stands beside them is kept in `extra`."""
    spoken = members.pop("usage", Raw(NULL))
    rest = OBJECT.read(spoken, "usage") if bytes(spoken) != NULL else {}
    keep(extra, "usage", {name: raw for name, raw in rest.items() if name not in Counts.__struct_fields__})
    return decode_usage(spoken)


def _decode(members: Members) -> Response:
    output = take(members, "output", OBJECT)
    message = maybe(output, "message", OBJECT, "output.") or {}
    parts: list[Part] = []
    others: list[Members] = []
    for index, block in enumerate(take(message, "content", OBJECTS, "output.message.")):
        try:
            part = decode_block(dict(block))
        except Misfit as misfit:
            raise misfit.within(f"output.message.content[{index}]") from None
        if isinstance(part, Media):
            others.append(block)
        elif not isinstance(part, Text) or part.text:
            parts.append(part)
    extra: Extra = {MESSAGE: Raw(msgspec.json.encode({BLOCKS: others}))} if others else {}
    reason = decode_reason(members, extra)
    members.pop("metrics", None)
    usage = keep_usage(members, members)
    choice = Choice(index=0, parts=tuple(parts), finish_reason=reason, extra=extra)
    return Response(protocol=NAME, id="", model="", created=0, choices=(choice,), usage=usage, extra=members)
