"""Own what all answers have in common that are not streamed: the first look at a body, its facts, and its patch.

Invariant: a patch changes the model's name, the usage and what `ResponseEdits` add; every other byte stays.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.codec import ResponseEdits, ResponsePeek
from gearshift.protocols.complaint import in_place
from gearshift.protocols.fields import ABSENT, NULL, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Part, Reasoning, Refusal, Response, Text, ToolCall, Usage

_members = msgspec.json.Decoder(dict[str, Raw])


def read_answer(body: bytes) -> JsonObject:
    """Give a body that may be an answer; raise UpstreamRefused or UpstreamInvalid when it is none."""
    if not body.startswith(b"{"):
        start = body.lstrip()[:1]
        if not start:
            raise invalid("found an empty body, expected JSON")
        if start == b"<":
            raise invalid("found HTML or XML, expected JSON")
    answer = JsonObject(body, invalid, lax=True)
    if bytes(answer.members.get("error", NULL)) != NULL:
        raise in_place(body, of="an answer")
    return answer


def peek(response: Response) -> ResponsePeek:
    """Give the facts of an answer."""
    return ResponsePeek(
        usage=response.usage,
        finish_reason=response.choices[0].finish_reason,
        response_id=response.id or None,
        upstream_model=response.model or None,
        answer_bytes=sum(size(part) for choice in response.choices for part in choice.parts),
        call_id=next((part.id for part in response.choices[0].parts if isinstance(part, ToolCall)), None),
    )


def size(part: Part) -> int:
    """Give the UTF-8 bytes of answer text in a part: reasoning and arguments too."""
    match part:
        case Text() | Reasoning() | Refusal():
            return len(part.text.encode())
        case ToolCall():
            return len(part.arguments.encode())
        case _:
            return 0


class Patcher(Struct, frozen=True, kw_only=True):
    """Hold where a protocol's answers say their model and usage; `count` is a member that every usage has."""

    model: str = "model"
    usage: str = "usage"
    count: str = "output_tokens"
    encode_usage: Callable[[Usage], Spoken]

    def patch(self, answer: JsonObject, edits: ResponseEdits) -> bytes:
        """Patch an answer, or a piece of one that says both."""
        changes: dict[str, bytes | None] = {self.model: msgspec.json.encode(edits.model)}
        usage = self.patched_usage(bytes(answer.members.get(self.usage, ABSENT)), edits)
        if usage is not None:
            changes[self.usage] = usage
        return answer.patch(changes | added(edits))

    def patched_usage(self, usage: bytes, edits: ResponseEdits) -> bytes | None:
        """Add to a usage object, which is told what was counted where it lacks its counts; None: nothing to add.

        A count of null is not said.
        """
        if not edits.usage and edits.counted is None:
            return None
        try:
            known = _members.decode(usage)
        except (msgspec.DecodeError, UnicodeDecodeError):
            known = {}
        counted = edits.counted if bytes(known.get(self.count, ABSENT)) in {b"", NULL} else None
        if not edits.usage and counted is None:
            return None
        said: Spoken = {**known, **({} if counted is None else self.encode_usage(counted))}
        return msgspec.json.encode(said | _members.decode(b"{%b}" % edits.usage))


def added(edits: ResponseEdits) -> dict[str, bytes | None]:
    """Give the members that are added at the top level."""
    return {name: bytes(value) for name, value in _members.decode(b"{%b}" % edits.top).items()} if edits.top else {}
