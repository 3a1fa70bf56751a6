"""Own input items: the turns of a conversation, flat on the wire, wire to nouns and back.

Invariants: what the assistant did in a row (thought, said, called) is one message; each result of a tool is one too;
`arguments` are kept byte for byte; an item without a noun is a message that holds it raw, in `extra` under `item`; the
ids of items stay in the `extra` of their parts.
Source: the OpenAI API reference, "Create a model response", `input` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.fields import ABSENT, OBJECTS, TEXT, Kind, Misfit, Spoken, maybe, raw, take, word
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.protocols.openai_responses.parts import Speaker, decode_parts, unknown
from gearshift.protocols.places import Turns
from gearshift.protocols.signatures import seal, unseal
from gearshift.types.chat import Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult

NAME: Final = "openai_responses"
ITEM: Final = "item"
INPUT: Final[Kind[str | list[Members]]] = Kind(
    msgspec.json.Decoder(str | list[dict[str, Raw]]), "a string or a list of items"
)
ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}
_OF_MESSAGE: Final = ("id", "status", "phase")
MESSAGE: Final = "message"


def take_input(spoken: Raw, turns: Turns) -> int:
    """Add the turns that `input` holds, and give how many items these were."""
    said = INPUT.read(spoken, "input")
    if isinstance(said, str):
        turns.add(0, [Message(role="user", parts=(Text(text=said),))])
        return 1
    for index, item in enumerate(said):
        try:
            turn = _decode_item(item)
        except Misfit as misfit:
            raise misfit.within(f"input[{index}]") from None
        before = turns.messages[-1:]
        if turn.role == "assistant" and before and before[0].role == "assistant":
            turns.messages[-1] = Message(role="assistant", parts=(*before[0].parts, *turn.parts))
        else:
            turns.add(index, [turn])
    return len(said)


def _decode_item(members: Members) -> Message:
    kind = maybe(members, "type", TEXT) or ("message" if "role" in members or "id" not in members else "item_reference")
    match kind:
        case "message":
            return _decode_message(members)
        case "function_call":
            return Message(role="assistant", parts=(decode_call(members),))
        case "function_call_output":
            return Message(role="tool", parts=(_decode_result(members),))
        case "reasoning":
            return Message(role="assistant", parts=decode_reasoning(members))
        case "image_generation_call" if (image := decode_image(members)) is not None:
            return Message(role="assistant", parts=(image,))
        case _:
            return Message(role="user", parts=(), extra={ITEM: raw({"type": kind, **members})})


def _decode_message(members: Members) -> Message:
    said = take(members, "role", TEXT)
    role = ROLES.get(said)
    if role is None:
        raise Misfit("role", f"found {said[:32]!r}, expected one of {', '.join(ROLES)}")
    content = members.pop("content", None)
    if content is None:
        raise Misfit("content", "missing, expected a string or a list of parts")
    parts = decode_parts(content)
    if role != "assistant":
        return Message(role=role, parts=parts, extra=members)
    return Message(role=role, parts=with_message(parts, members))


def with_message(parts: tuple[Text | Media | Refusal, ...], members: Members) -> tuple[Part, ...]:
    """Give the parts of a message, of which the first keeps what else the message says: an empty text at least."""
    if not members:
        return parts
    first = parts[0] if parts else Text(text="")
    first = msgspec.structs.replace(first, extra={**first.extra, MESSAGE: raw(members)})
    return (first, *parts[1:])


def decode_call(members: Members) -> ToolCall:
    """Give a call of a function."""
    call, name = take(members, "call_id", TEXT), take(members, "name", TEXT)
    return ToolCall(id=call, name=name, arguments=take(members, "arguments", TEXT), extra=members)


def _decode_result(members: Members) -> ToolResult:
    call = take(members, "call_id", TEXT)
    spoken = members.pop("output", None)
    if spoken is None:
        raise Misfit("output", "missing, expected a string or a list of parts")
    parts = decode_parts(spoken, "output")
    held = tuple(_no_refusal(part) for part in parts)
    return ToolResult(call_id=call, parts=held, name=maybe(members, "name", TEXT), extra=members)


def _no_refusal(part: Text | Media | Refusal) -> Text | Media:
    """Give a part of what a function gave back, where a refusal is none that is known."""
    return unknown("refusal", {"refusal": raw(part.text), **part.extra}) if isinstance(part, Refusal) else part


def decode_reasoning(members: Members) -> tuple[Reasoning, ...]:
    """Give thinking itself, and its summary: what there is of both, at least one, of which the last is signed."""
    summary = PARAGRAPH.join(filter(None, _texts(members, "summary")))
    *others, text = [said for said in ("".join(_texts(members, "content")), summary) if said] or [""]
    before = tuple(Reasoning(text=other) for other in others)
    said = maybe(members, "encrypted_content", TEXT)
    if not said:
        return (*before, Reasoning(text=text, extra=members))
    signature, origin, redacted = unseal(said, NAME)
    last = Reasoning(text=text, signature=signature or None, origin=origin, redacted=redacted, extra=members)
    return (*before, last)


def _texts(members: Members, name: str) -> Iterator[str]:
    for index, piece in enumerate(maybe(members, name, OBJECTS) or ()):
        yield take(piece, "text", TEXT, f"{name}[{index}].")


def decode_image(members: Members) -> Media | None:
    """Give an image that the model made; None where it made none."""
    data, form = word(members.get("result", ABSENT)), word(members.get("output_format", ABSENT)) or "png"
    if data is None:
        return None
    for name in ("result", "output_format"):
        members.pop(name, None)
    return Media(kind="image", data=data, media_type=_IMAGES.get(form, f"image/{form}"), extra=members)


def encode_image(image: Media, at: str, speaker: Speaker) -> Spoken | None:
    """Say an image that a model made."""
    if image.kind != "image" or image.data is None:
        problem = "found media that an answer here cannot hold, expected images only, and these as data"
        if not speaker.to_caller:
            raise Misfit(f"{at}.{image.kind}", problem)
        speaker.losses.append(dropped(f"{at}.{image.kind}", problem))
        return None
    form = (image.media_type or "image/png").removeprefix("image/").removesuffix("+xml")
    rest = {name: value for name, value in image.extra.items() if name != MESSAGE}
    return {"type": IMAGE, "result": image.data, "output_format": form, **rest}


IMAGE: Final = "image_generation_call"
_IMAGES: Final = {"svg": "image/svg+xml"}


PARAGRAPH: Final = "\n\n"
"""What stands between the parts of a summary."""


def encode_items(messages: tuple[Message, ...], speaker: Speaker, start: int = 0) -> Iterator[Spoken]:
    """Say the turns of a conversation, of which the first is `start`."""
    for place, message in enumerate(messages[start:], start):
        at = f"messages[{place}]"
        if message.name is not None:
            speaker.losses.append(dropped(f"{at}.name", "items have no names"))
        if ITEM in message.extra:
            yield msgspec.json.decode(message.extra[ITEM], type=dict[str, Raw])
            continue
        rest: list[Part] = []
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                yield _result(part, f"{at}.parts[{number}]", speaker)
            else:
                rest.append(part)
        if message.role == "assistant":
            yield from encode_output(rest, at, speaker)
        elif rest or not message.parts:
            yield {"type": "message", "role": message.role, "content": speaker.content(rest, at), **message.extra}


def encode_output(parts: list[Part], at: str, speaker: Speaker) -> Iterator[Spoken]:
    """Say what an assistant did, an item for each thought, each call, each image and each run of text."""
    run: list[Part] = []
    for number, part in enumerate(parts):
        goes_on = _is_content(part) and MESSAGE not in part.extra
        if run and not goes_on:
            yield _message(run, at, speaker)
            run = []
        if _is_content(part):
            run.append(part)
        elif (said := _item(part, f"{at}.parts[{number}]", speaker)) is not None:
            yield said
    if run:
        yield _message(run, at, speaker)


def _item(part: Part, at: str, speaker: Speaker) -> Spoken | None:
    """Say what is an item of its own, None where it cannot be said."""
    match part:
        case ToolCall():
            return encode_call(part)
        case Reasoning():
            return encode_reasoning(part, at, speaker)
        case Media():
            return encode_image(part, at, speaker)
        case _:
            raise Misfit(at, "found the result of a tool in an answer, which cannot be said here")


def _is_content(part: Part) -> bool:
    """Say whether a part stands in a message of the assistant's: what it says, and what has no noun."""
    return isinstance(part, Text | Refusal) or (isinstance(part, Media) and "type" in part.extra)


def _message(run: list[Part], at: str, speaker: Speaker) -> Spoken:
    head = run[0].extra
    rest = msgspec.json.decode(head[MESSAGE], type=dict[str, Raw]) if MESSAGE in head else {}
    silent = rest and len(run) == 1 and isinstance(run[0], Text) and not run[0].text
    content = [] if silent else [speaker.spoken(part, f"{at}.content") for part in run]
    return {"type": "message", "role": "assistant", "content": content, **rest}


def encode_call(call: ToolCall) -> Spoken:
    """Say a call of a function."""
    if "type" in call.extra:
        return dict(call.extra)
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments, **call.extra}


def encode_reasoning(thought: Reasoning, at: str, speaker: Speaker) -> Spoken | None:
    """Say thinking: to its signer, or to a caller."""
    own = thought.origin == NAME and thought.signature is not None
    if not own and not speaker.to_caller:
        speaker.losses.append(dropped(at, "thinking that this provider did not sign is not taken by it"))
        return None
    summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
    said: Spoken = {"type": "reasoning", "summary": summary}
    if thought.signature is not None:
        said["encrypted_content"] = seal(thought.signature, thought.origin, NAME, redacted=thought.redacted)
    return {**said, **thought.extra}


def _result(result: ToolResult, at: str, speaker: Speaker) -> Spoken:
    if result.is_error:
        speaker.losses.append(dropped(f"{at}.is_error", "results have no such mark"))
    if result.cache is not None:
        speaker.lose_mark(at)
    output = speaker.content(list(result.parts), at)
    name: Spoken = {} if result.name is None else {"name": result.name}
    return {"type": "function_call_output", "call_id": result.call_id, "output": output, **name, **result.extra}
