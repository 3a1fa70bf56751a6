"""Own streamed answers: frames of AWS's event stream to nouns.

    messageStart ─ (contentBlockStart? ─ deltas ─ contentBlockStop)* ─ messageStop ─ metadata

Invariants: a block begins with its first delta where nothing said that it began, as text and thinking do; a block
without a noun is told with `ChoiceDelta`; usage comes last, behind the reason to stop.
Source: botocore's model of bedrock-runtime, `ConverseStreamOutput` (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import StreamBroken
from gearshift.protocols.bedrock_converse.blocks import NAME
from gearshift.protocols.bedrock_converse.citations import decode_citation
from gearshift.protocols.bedrock_converse.frames import Frames
from gearshift.protocols.bedrock_converse.response import BLOCKS, decode_reason, keep_usage
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, TEXT, Misfit, take
from gearshift.protocols.json_patch import Members, legible
from gearshift.protocols.signatures import unseal
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import MALFORMED, invalid, unreadable
from gearshift.types.chat import Citation, Extra, PartKind
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, PartDelta, PartEnded, PartStarted, Started


class _Input(Struct):
    input: str = ""


class _Thought(Struct):
    text: str = ""
    signature: str | None = None
    redactedContent: str | None = None  # noqa: N815 - the wire's word


class _Delta(Struct):
    text: str | None = None
    toolUse: _Input | None = None  # noqa: N815
    reasoningContent: _Thought | None = None  # noqa: N815
    citation: Raw = ABSENT


class _Wire(Struct):
    contentBlockIndex: int = 0  # noqa: N815
    start: Raw = ABSENT
    delta: Raw = ABSENT


_wire = msgspec.json.Decoder(_Wire)
_delta = msgspec.json.Decoder(_Delta)
_members = msgspec.json.Decoder(Members)


class Decoder(Decoding):
    """Turn the bytes of one stream into events, whatever the split."""

    def __init__(self) -> None:
        """Begin a stream."""
        super().__init__(Frames())
        self._open: dict[int, PartStarted | None] = {}  # None: a block without a noun
        self._bare: set[int] = set()  # calls whose arguments have not begun
        self._parts = 0
        self._started = False

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one frame says."""
        try:
            return self._take(item.event, legible(item.data))
        except (*MALFORMED, Misfit) as error:
            raise unreadable(error) from None

    def _take(self, kind: str, data: bytes) -> list[Event]:
        match kind:
            case "contentBlockDelta":
                wire = _wire.decode(data)
                return self._delta(wire.contentBlockIndex, wire.delta)
            case "contentBlockStart":
                wire = _wire.decode(data)
                return self._start(wire.contentBlockIndex, OBJECT.read(wire.start, "start"))
            case "contentBlockStop":
                return self._stop(_wire.decode(data).contentBlockIndex)
            case "messageStart":
                self._started = True
                return [Started(protocol=NAME, id="", model="", created=0)]
            case "messageStop":
                return self._end(_members.decode(data))
            case "metadata":
                return self._metadata(_members.decode(data))
            case _:
                return []  # events to come, which clients are told to pass over

    def _start(self, index: int, start: Members) -> list[Event]:
        word = next(iter(start), "")
        if word == "toolUse":
            call = OBJECT.read(start[word], "start.toolUse")
            at = "start.toolUse."
            name, id_ = take(call, "name", TEXT, at), take(call, "toolUseId", TEXT, at)
            call_start = PartStarted(choice=0, part=0, kind="tool_call", id=id_, name=name, extra=call)
            self._bare.add(index)
            return [self._begin(index, call_start)]
        if not word:
            return []  # of text or thinking: its first delta says what it is
        self._open[index] = None
        return [ChoiceDelta(choice=0, message={BLOCKS: Raw(msgspec.json.encode([start]))})]

    def _begin(self, index: int, start: PartStarted) -> PartStarted:
        """Open a block as the next part."""
        begun = self._open[index] = msgspec.structs.replace(start, part=self._parts)
        self._parts += 1
        return begun

    def _delta(self, index: int, raw: Raw) -> list[Event]:
        if index in self._open and self._open[index] is None:
            return []
        if not self._started:
            raise invalid("found a delta before the start of its message")
        delta = _delta.decode(raw)
        if delta.toolUse is not None:
            if index not in self._open:
                raise invalid("found arguments of a call that has not begun")
            if delta.toolUse.input:
                self._bare.discard(index)
            return self._say(index, "tool_call", delta.toolUse.input)
        if delta.reasoningContent is not None:
            return self._think(index, delta.reasoningContent)
        if bytes(delta.citation):
            cited = decode_citation(delta.citation)
            if cited is None:
                return [ChoiceDelta(choice=0, extra={"citations": Raw(b"[%b]" % bytes(delta.citation))})]
            return self._say(index, "text", "", citations=(cited,))
        if delta.text is not None:
            return self._say(index, "text", delta.text)
        self._open.setdefault(index, None)
        return [ChoiceDelta(choice=0, message={BLOCKS: Raw(b"[%b]" % bytes(raw))})]

    def _think(self, index: int, thought: _Thought) -> list[Event]:
        if thought.redactedContent is not None:
            signature, origin, _ = unseal(thought.redactedContent, NAME, base64=True)
            if index in self._open:  # the encrypted text goes on
                return self._say(index, "reasoning", "", thought.redactedContent)
            start = PartStarted(choice=0, part=0, kind="reasoning", origin=origin, redacted=True)
            return [self._begin(index, start), *self._say(index, "reasoning", "", signature)]
        return self._say(index, "reasoning", thought.text, thought.signature)

    def _say(
        self,
        index: int,
        kind: PartKind,
        text: str,
        signature: str | None = None,
        citations: tuple[Citation, ...] = (),
    ) -> list[Event]:
        if not text and not signature and not citations:
            return []
        begun: list[Event] = []
        start = self._open.get(index)
        if start is None:
            start = self._begin(index, PartStarted(choice=0, part=0, kind=kind))
            begun = [start]
        return [*begun, PartDelta(choice=0, part=start.part, text=text, signature=signature, citations=citations)]

    def _stop(self, index: int) -> list[Event]:
        start = self._open.get(index)
        if start is None:
            return []
        empty = self._say(index, "tool_call", "{}") if index in self._bare else []
        self._bare.discard(index)
        del self._open[index]
        return [*empty, PartEnded(choice=0, part=start.part)]

    def _end(self, members: Members) -> list[Event]:
        extra: Extra = {}
        reason = decode_reason(members, extra)
        if not self._started:
            raise invalid("the stream ended before it held an answer")
        if self.complete:
            return []
        self.complete = True
        extra |= {name: raw for name, raw in members.items() if bytes(raw) != NULL}
        return [ChoiceEnded(choice=0, finish_reason=reason, extra=extra)]

    def _metadata(self, members: Members) -> list[Event]:
        if not self.complete:
            raise StreamBroken("the upstream ended the stream without the stopReason of its answer")
        members.pop("metrics", None)
        self.usage = keep_usage(members, self.late)
        self.late |= members
        return [self.finished()]
