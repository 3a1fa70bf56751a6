"""Own messages: one turn of the conversation, wire to noun and back.

Invariants: the parts of an assistant's turn stand in the order that the wire can say: reasoning, content, refusal, tool
calls. `arguments` are kept byte for byte. A tool call of a type other than `function` carries all its members, `type`
too, in `extra`, and is said again as it came. `reasoning_details` (OpenRouter) stay raw in the `extra` of `Reasoning`.
Sources (2026-11): OpenAI API reference, "Create chat completion"; `reasoning_content`: DeepSeek API, "Thinking mode";
`reasoning`, `reasoning_details`: OpenRouter, "Reasoning tokens", and vLLM's `ChatMessage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols import fields
from gearshift.protocols.fields import LIST, OBJECT, OBJECTS, TEXT, Misfit, Spoken, keep, maybe, take
from gearshift.protocols.fold import gather
from gearshift.protocols.json_patch import Members
from gearshift.protocols.openai_chat.parts import CONTENT, Piece, decode_content, encode_content
from gearshift.types.chat import Extra, Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult

DETAILS: Final = "reasoning_details"
FORMATS: Final = {
    "anthropic_messages": "anthropic-claude-v1",
    "gemini": "google-gemini-v1",
    "openai_responses": "openai-responses-v1",
}
"""What OpenRouter calls the signatures of each protocol ("Reasoning tokens", `reasoning_details`, 2026-11)."""
ORIGINS: Final = {form: protocol for protocol, form in FORMATS.items()}
REDACTED: Final = frozenset({"reasoning.redacted"})
ROLES: Final[dict[bytes, Role]] = {
    b'"user"': "user",
    b'"assistant"': "assistant",
    b'"system"': "system",
    b'"developer"': "developer",
    b'"tool"': "tool",
}


def decode_message(members: Members) -> Message:
    """Give the message that `members` say; what is left of them becomes its `extra`."""
    said = members.pop("role", None)
    role = ROLES.get(bytes(said)) if said is not None else None
    if role is None:
        raise _no_role(said)
    name = maybe(members, "name", TEXT)
    if role == "assistant":
        parts = decode_answer(members)
    elif role == "tool":
        parts = (_decode_result(members),)
    else:
        parts = _content(members)
    return Message(role=role, parts=parts, name=name, extra=members)


def decode_answer(members: Members, *, lax: bool = False) -> tuple[Part, ...]:
    """Give the parts of an assistant's turn; `lax` forgives tool calls what upstreams leave out."""
    parts: list[Part] = []
    if "reasoning" in members or "reasoning_content" in members or DETAILS in members:
        signed = () if lax or DETAILS not in members else _signed(members[DETAILS])
        if signed:
            del members[DETAILS]
            members.pop("reasoning", None)
            members.pop("reasoning_content", None)
        parts.extend(signed or decode_reasoning(members))
    if (content := members.pop("content", None)) is not None:
        parts.extend(decode_content(content) or ())
    if "refusal" in members and (refusal := maybe(members, "refusal", TEXT)) is not None:
        parts.append(Refusal(text=refusal))
    if "tool_calls" in members:
        for index, call in enumerate(maybe(members, "tool_calls", OBJECTS) or []):
            try:
                parts.append(_decode_call(call, lax=lax))
            except Misfit as misfit:
                raise misfit.within(f"tool_calls[{index}]") from None
    return tuple(parts)


def encode_message(message: Message) -> Iterator[Spoken]:
    """Say a message; tool results beside other parts become messages of their own, before the rest."""
    head: Spoken = {} if message.name is None else {"name": message.name}
    rest: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            content = encode_content(part.parts)
            yield {"role": "tool", "tool_call_id": part.call_id, "content": content, **head, **message.extra}
        else:
            rest.append(part)
    if message.role == "assistant":
        yield {"role": "assistant", **encode_answer(rest), **head, **message.extra}
    elif rest or not message.parts:
        yield {"role": message.role, "content": encode_content(_pieces(rest)), **head, **message.extra}


def encode_answer(parts: list[Part]) -> Spoken:
    """Say the parts of an assistant's turn."""
    thoughts: list[Reasoning] = []
    pieces: list[Piece] = []
    calls: list[Spoken] = []
    for part in parts:
        match part:
            case Text() | Media() | Refusal():
                pieces.append(part)
            case ToolCall():
                calls.append(encode_call(part))
            case Reasoning():
                thoughts.append(part)
            case _:
                pass
    said = _encode_reasoning(thoughts)
    last = pieces[-1] if pieces else None
    refusal = None
    if isinstance(last, Refusal) and not last.extra:
        refusal = last.text
        pieces.pop()
    said["content"] = encode_content(pieces) if pieces else None
    if refusal is not None:
        said["refusal"] = refusal
    if calls:
        said["tool_calls"] = calls
    return said


def encode_call(call: ToolCall) -> Spoken:
    """Say a tool call."""
    if "type" in call.extra:
        return dict(call.extra)
    function: Spoken = {"name": call.name, "arguments": call.arguments}
    if "function" in call.extra:
        function.update(OBJECT.read(call.extra["function"], "function"))
    return {"id": call.id, "type": "function", **call.extra, "function": function}


def _encode_reasoning(thoughts: list[Reasoning]) -> Spoken:
    """Say reasoning as DeepSeek spells it, and with details as OpenRouter does; several thoughts are joined."""
    if not thoughts:
        return {}
    text = "".join(thought.text for thought in thoughts)
    details = [detail for thought in thoughts if (detail := _details(thought)) is not None]
    if not details:
        return {"reasoning_content": text}
    return {"reasoning": text, DETAILS: gather(details)}


def _details(thought: Reasoning) -> Raw | None:
    """Give what OpenRouter calls the details of a thought; a signature of another protocol is one of them."""
    if thought.signature is None or DETAILS in thought.extra:
        return thought.extra.get(DETAILS)
    form = FORMATS.get(thought.origin or "", "unknown")
    if thought.redacted or not thought.text:
        kind = "reasoning.redacted" if thought.redacted else "reasoning.encrypted"
        return fields.raw([{"type": kind, "data": thought.signature, "format": form}])
    return fields.raw(
        [{"type": "reasoning.text", "text": thought.text, "signature": thought.signature, "format": form}]
    )


class _Detail(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    format: str
    text: str = ""
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    index: int | None = None


_details_of = msgspec.json.Decoder(list[_Detail])


def _signed(details: Raw) -> tuple[Reasoning, ...]:
    """Give the thoughts that details hold, none where one of them cannot be said as a noun."""
    try:
        said = _details_of.decode(details)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    found: dict[object, list[_Detail]] = {}
    for place, each in enumerate(said):  # a streamed one comes in pieces, of one index
        found.setdefault((each.format, place if each.index is None else ("index", each.index)), []).append(each)
    thoughts = [
        Reasoning(
            text="".join(piece.text for piece in pieces),
            signature=signature,
            origin=ORIGINS[pieces[0].format],
            redacted=pieces[0].type in REDACTED,
        )
        for pieces in found.values()
        if pieces[0].format in ORIGINS
        and (signature := "".join(piece.signature or piece.data or "" for piece in pieces))
    ]
    return tuple(thoughts) if len(thoughts) == len(found) else ()


def decode_reasoning(members: Members) -> tuple[Reasoning, ...]:
    """Take reasoning, of a message or a delta, in its three spellings.

    A spelling that says something else than the first stays in `members`.
    """
    spoken = members.get("reasoning")
    text = maybe(members, "reasoning_content", TEXT)
    other = maybe(members, "reasoning", TEXT)
    if text is None:
        text = other
    elif other not in {None, text} and spoken is not None:
        members["reasoning"] = spoken
    details = members.pop(DETAILS, None)
    extra: Extra = {}
    if details is not None and bytes(details) != fields.NULL and LIST.read(details, DETAILS):
        extra[DETAILS] = details
    if text is None and not extra:
        return ()
    return (Reasoning(text=text or "", extra=extra),)


def _decode_call(members: Members, *, lax: bool) -> ToolCall:
    if "type" in members and TEXT.read(members["type"], "type") != "function":
        return decode_other_call(members)
    members.pop("type", None)
    inner = take(members, "function", OBJECT)
    if lax:
        members.pop("index", None)  # says only where the call stands, as the list does (DeepSeek, 2026-08)
        call = maybe(members, "id", TEXT) or ""
        arguments = maybe(inner, "arguments", TEXT, "function.") or ""
    else:
        call = take(members, "id", TEXT)
        arguments = take(inner, "arguments", TEXT, "function.")
    name = take(inner, "name", TEXT, "function.")
    keep(members, "function", inner)
    return ToolCall(id=call, name=name, arguments=arguments, extra=members)


class _Custom(msgspec.Struct, frozen=True):
    name: str = ""
    input: str = ""


class _OtherCall(msgspec.Struct):
    type: str = ""
    id: str = ""
    custom: _Custom = _Custom()


_other_call = fields.Kind(msgspec.json.Decoder(_OtherCall), "an object")


def decode_other_call(members: Members) -> ToolCall:
    """Give a call of a tool that is not a function."""
    call = _other_call.read(fields.raw(members), "")
    return ToolCall(id=call.id, name=call.custom.name or call.type, arguments=call.custom.input, extra=members)


def _decode_result(members: Members) -> ToolResult:
    call = take(members, "tool_call_id", TEXT)
    parts = _content(members)
    if any(isinstance(part, Refusal) for part in parts):
        raise Misfit("content", "found a refusal in a tool's result, expected text or media")
    return ToolResult(call_id=call, parts=tuple(part for part in parts if not isinstance(part, Refusal)))


def _content(members: Members) -> tuple[Piece, ...]:
    """Take the content of a turn that must have one."""
    raw = members.pop("content", None)
    parts = decode_content(raw) if raw is not None else None
    if parts is None:
        found = "missing" if raw is None else "found null"
        raise Misfit("content", f"{found}, expected {CONTENT.expected}")
    return parts


def _pieces(parts: list[Part]) -> list[Piece]:
    """Give content; what a turn of this role cannot say in this protocol is refused."""
    pieces = [part for part in parts if isinstance(part, Text | Media | Refusal)]
    if len(pieces) != len(parts):
        raise Misfit("content", "found reasoning or tool calls outside an assistant's turn, which cannot be said here")
    return pieces


def _no_role(said: Raw | None) -> Misfit:
    expected = f"expected one of {', '.join(ROLES.values())}"
    if said is None:
        return Misfit("role", f"missing, {expected}")
    return Misfit("role", f"found {TEXT.read(said, 'role')[:32]!r}, {expected}")
