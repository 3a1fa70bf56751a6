"""Own answers that are not streamed: wire to noun and back, a quick look at the facts, and the patch for a caller.

Invariants: as in `openai_chat.response`. Items without a noun stay raw in the choice's `extra` under `message`; what
only repeats the request is not kept.
Source: the OpenAI API reference, "The response object" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.answering import peek, read_answer
from gearshift.protocols.codec import Encoded, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import (
    ABSENT,
    NULL,
    OBJECT,
    OBJECTS,
    TEXT,
    Misfit,
    Spoken,
    keep,
    maybe,
    raw,
    take,
    whole,
    word,
)
from gearshift.protocols.fold import MESSAGE, gather
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.protocols.openai_responses import items as wire
from gearshift.protocols.openai_responses.parts import LOGPROBS, Speaker, decode_parts
from gearshift.protocols.openai_responses.usage import PATCHER, decode_usage, encode_usage
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Choice, Extra, FinishReason, Media, Part, Response, Text, ToolCall
from gearshift.types.record import Loss

ITEMS: Final = "items"
ECHOES: Final = frozenset(
    {
        "background",
        "completed_at",
        "error",
        "frequency_penalty",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "object",
        "output_text",
        "parallel_tool_calls",
        "presence_penalty",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "status",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""Fields of an answer that repeat the request, or that the noun says."""


def decode_response(body: bytes) -> Response:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
    members = read_answer(body).members
    try:
        return decode_answer(members)
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
    if len(response.choices) > 1:
        losses.append(dropped("choices", "a model response is one answer"))
    choice = response.choices[0]
    output = [*wire.encode_output(list(choice.parts), "output", Speaker(losses, to_caller=True))]
    for number, item in enumerate(output):
        item.setdefault("id", f"{PREFIXES.get(str(item['type']), 'item')}_{response.id}_{number}")
        item.setdefault("status", "completed")
    extra = dict(choice.extra)
    if MESSAGE in extra:
        output += [{**item} for item in OBJECTS.read(OBJECT.read(extra.pop(MESSAGE), MESSAGE)[ITEMS], ITEMS)]
    if choice.logprobs is not None:
        _say_logprobs(output, choice.logprobs, losses)
    said = {**skeleton(response.id, response.model, response.created), "output": output}
    said |= ending(choice.finish_reason)
    rest = OBJECT.read(response.extra["usage"], "usage") if "usage" in response.extra else {}
    said["usage"] = ({} if response.usage is None else encode_usage(response.usage)) | rest or None
    kept = {name: value for name, value in response.extra.items() if name != "usage"}
    return Encoded(body=msgspec.json.encode({**said, **extra, **kept}), losses=tuple(losses))


PREFIXES: Final = {"message": "msg", "function_call": "fc", "reasoning": "rs", wire.IMAGE: "ig"}
"""How the ids of items begin."""


def _say_logprobs(output: list[Spoken], logprobs: Raw, losses: list[Loss]) -> None:
    """Say probabilities beside the first text."""
    content = own_scores(logprobs, losses)
    if content is None:
        return
    for item in output:
        for part in item.get("content") if item["type"] == "message" else ():  # type: ignore[attr-defined]
            if part["type"] == "output_text":
                part[LOGPROBS] = content
                return
    losses.append(dropped("logprobs", "there is no text that they belong to"))


def own_scores(logprobs: Raw, losses: list[Loss]) -> Raw | None:
    """Give the list of the probabilities of a text; a refusal has none here."""
    said = OBJECT.read(logprobs, LOGPROBS)
    if bytes(said.get("refusal", ABSENT)) not in {b"", NULL, b"[]"}:
        losses.append(dropped("logprobs.refusal", "a refusal has no probabilities here"))
    content = said.get("content", ABSENT)
    return None if bytes(content) in {b"", NULL} else content


def skeleton(name: str, model: str, created: int) -> Spoken:
    """Give what every answer says, with the request's part as it is where nothing was asked."""
    return {
        "id": name,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def ending(reason: FinishReason | None) -> Spoken:
    """Say how an answer ended."""
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reason or "")
    if why is None:
        return {"status": "completed"}
    return {"status": "incomplete", "incomplete_details": {"reason": why}}


def decode_answer(members: Members) -> Response:
    """Give the answer that `members` say; raise Misfit."""
    parts: list[Part] = []
    others: list[Members] = []
    for index, item in enumerate(take(members, "output", OBJECTS)):
        try:
            _decode_item(item, parts, others)
        except Misfit as misfit:
            raise misfit.within(f"output[{index}]") from None
    extra: Extra = {MESSAGE: raw({ITEMS: others})} if others else {}
    reason = decode_ending(members, calls=any(isinstance(part, ToolCall) for part in parts))
    spoken = members.pop("usage", Raw(NULL))
    usage, rest = decode_usage(spoken)
    keep(members, "usage", rest)
    told, scores = _without_scores(parts)
    choice = Choice(index=0, parts=told, finish_reason=reason, logprobs=scores, extra=extra)
    return Response(
        protocol=wire.NAME,
        id=word(members.pop("id", ABSENT)) or "",
        model=word(members.pop("model", ABSENT)) or "",
        created=whole(members.pop("created_at", ABSENT)),
        choices=(choice,),
        usage=usage,
        extra=late(members),
    )


def late(members: Members) -> Extra:
    """Give what an answer says beyond the nouns and the request."""
    return {name: value for name, value in members.items() if name not in ECHOES and bytes(value) != NULL}


def decode_ending(members: Members, *, calls: bool) -> FinishReason:
    """Take why the answer ended; raise UpstreamInvalid where it failed."""
    status = maybe(members, "status", TEXT) or "completed"
    details = maybe(members, "incomplete_details", OBJECT) or {}
    if status in {"failed", "cancelled"}:
        raise invalid(f"it ended with status {status}")
    if status == "incomplete":
        reason = maybe(dict(details), "reason", TEXT) or "max_output_tokens"
        if reason not in _REASONS:
            members["incomplete_details"] = raw(details)
        return _REASONS.get(reason, "length")
    return "tool_calls" if calls else "stop"


_REASONS: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def _decode_item(item: Members, parts: list[Part], others: list[Members]) -> None:
    kind = TEXT.read(item.get("type", Raw(NULL)), "type")
    rest = {name: value for name, value in item.items() if name not in ENVELOPE}
    match kind:
        case "message":
            said = decode_parts(rest.pop("content", Raw(b"[]")))
            odd = [part.extra for part in said if isinstance(part, Media)]
            words = tuple(part for part in said if not isinstance(part, Media) and (part.text or part.extra))
            parts.extend(wire.with_message(words, rest) if words else ())
            if odd:
                others.append({"type": raw(kind), "content": raw(odd)})
        case "function_call":
            parts.append(wire.decode_call(rest))
        case "reasoning":
            parts.extend(thought for thought in wire.decode_reasoning(rest) if thought.text or thought.signature)
        case wire.IMAGE if (image := wire.decode_image(rest)) is not None:
            parts.append(image)
        case _:
            others.append(item)


ENVELOPE: Final = ("type", "id", "status", "role")
"""What an item says of itself, that is made anew where it is said again."""


def _without_scores(parts: list[Part]) -> tuple[tuple[Part, ...], Raw | None]:
    """Take the probabilities out of the texts."""
    told: list[Part] = []
    found: list[Raw] = []
    for part in parts:
        if isinstance(part, Text) and LOGPROBS in part.extra:
            rest = dict(part.extra)
            found.append(scores(rest.pop(LOGPROBS)))
            told.append(msgspec.structs.replace(part, extra=rest))
        else:
            told.append(part)
    return tuple(told), gather(found) if found else None


def scores(spoken: Raw) -> Raw:
    """Give a list of probabilities as the noun holds them."""
    return Raw(b'{"content":%b,"refusal":null}' % bytes(spoken))
