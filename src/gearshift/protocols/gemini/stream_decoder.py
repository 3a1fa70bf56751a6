"""Own streamed answers: pieces of an answer, each of the form of a whole one, to events.

    piece ─ piece ─ ... ─ piece with the finish reason of each candidate ─ end of the input

Invariants: text that goes on is one part; there is no terminator: with the finish reasons and the counts all is said.
Source: the Gemini API reference, "Generating content", `streamGenerateContent` (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.complaint import broken_off
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, INTEGER, NULL, OBJECT, OBJECTS, Misfit, keep, maybe, word
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.citations import decode_citations
from gearshift.protocols.gemini.logprobs import decode_logprobs
from gearshift.protocols.gemini.parts import NAME, camel, decode_part
from gearshift.protocols.gemini.response import PARTS, decode_reason, is_blocked, is_given
from gearshift.protocols.gemini.speaker import Speaker
from gearshift.protocols.gemini.usage import MODEL, USAGE, count, decode_usage
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import MALFORMED, invalid, unreadable
from gearshift.types.chat import Citation, Extra, Media, Part, PartKind, Reasoning, Text, ToolCall
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    MediaGiven,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)


class Decoder(Decoding):
    """Turn the bytes of one stream into events, whatever the split."""

    def __init__(self, choices: int = 1) -> None:
        """Begin a stream of `choices` answers."""
        super().__init__()
        self._expected = choices
        self._answers: dict[int, _Answer] = {}
        self._name = ""
        self._started = False

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one piece says."""
        plain = self._plain(item.data)
        if plain is not None:
            return [plain]
        if not item.data.strip() or item.data.startswith(b"[DONE]"):
            return []
        try:
            return self._take(item.data)
        except (*MALFORMED, Misfit) as error:
            raise unreadable(error) from None

    def _plain(self, data: bytes) -> PartDelta | None:
        """Give the text of a piece that goes on with a text or a thought and says nothing else, as nearly all do."""
        try:
            piece = _piece.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        (candidate,) = piece.candidates
        (part,) = candidate.content.parts
        answer = self._answers.get(candidate.index)
        told = None if answer is None else answer.go_on("reasoning" if part.thought else "text", part.text)
        if told is not None:
            self.usage = count(piece.usageMetadata) or self.usage
        return told

    def _take(self, data: bytes) -> list[Event]:
        members = camel(JsonObject(data, invalid, lax=True).members)
        if bytes(members.get("error", NULL)) != NULL:
            raise broken_off(data)
        out: list[Event] = []
        candidates = maybe(members, "candidates", OBJECTS) or []
        if not self._started and (candidates or is_blocked(members)):
            out.append(self._start(members))
        for place, candidate in enumerate(candidates):
            try:
                self._candidate(camel(candidate), out)
            except Misfit as misfit:
                raise misfit.within(f"candidates[{place}]") from None
        if not candidates and not self._answers and is_blocked(members):
            answer = self._answers[0] = _Answer(0, Calls())
            answer.ended = True
            out.append(ChoiceEnded(choice=0, finish_reason="content_filter"))
        counted = self._note(members)
        self.complete = bool(self._answers) and all(answer.ended for answer in self._answers.values())
        if self.complete and counted and len(self._answers) >= self._expected:
            out.append(self.finished())
        return out

    def _candidate(self, members: Members, out: list[Event]) -> None:
        index = maybe(members, "index", INTEGER) or 0
        if index not in self._answers:
            self._answers[index] = _Answer(index, Calls(f"{self._name}-"))
        self._answers[index].take(members, out)

    def _start(self, members: Members) -> Started:
        self._started = True
        self._name = word(members.get("responseId", ABSENT)) or ""
        return Started(protocol=NAME, id=self._name, model=word(members.get(MODEL, ABSENT)) or "", created=0)

    def _note(self, members: Members) -> bool:
        """Take what a piece says of the whole answer; say whether it counts."""
        counted = None
        if USAGE in members:
            counted, rest = decode_usage(members.pop(USAGE))
            if counted is not None or self.usage is None:
                keep(members, USAGE, rest)
            self.usage = counted or self.usage
        for name in ("responseId", MODEL):
            members.pop(name, None)
        self.late |= members
        return counted is not None


class _Text(Struct, forbid_unknown_fields=True):
    text: str
    thought: bool = False


class _Content(Struct, forbid_unknown_fields=True):
    parts: tuple[_Text]
    role: str = ""


class _Candidate(Struct, forbid_unknown_fields=True):
    content: _Content
    index: int = 0


class _Piece(Struct, forbid_unknown_fields=True):
    """Be a piece that may bring text only."""

    candidates: tuple[_Candidate]
    usageMetadata: Raw = ABSENT  # noqa: N815 - the wire's names
    modelVersion: Raw = ABSENT  # noqa: N815
    responseId: Raw = ABSENT  # noqa: N815
    createTime: Raw = ABSENT  # noqa: N815


_piece = msgspec.json.Decoder(_Piece)


class _Answer:
    """Follow one candidate."""

    def __init__(self, index: int, calls: Calls) -> None:
        self.ended = False
        self._index = index
        self._calls = calls
        self._parts = 0
        self._open: PartKind | None = None
        self._text: int | None = None  # the last text: citations are of it
        self._signed = False
        self._called = False
        self._scores: Raw | None = None

    def take(self, members: Members, out: list[Event]) -> None:
        """Take a piece of the candidate."""
        content = maybe(members, "content", OBJECT) or {}
        self._scores = decode_logprobs(members.pop("logprobsResult", None))
        for place, part in enumerate(maybe(content, "parts", OBJECTS, "content.") or ()):
            try:
                self._piece(camel(part), out)
            except Misfit as misfit:
                raise misfit.within(f"content.parts[{place}]") from None
        if self._text is not None:
            self._cite(decode_citations(members), out)
        extra: Extra = {}
        reason = decode_reason(members, extra, calls=self._called)
        extra |= {name: raw for name, raw in members.items() if bytes(raw) != NULL}
        ends = reason is not None and not self.ended
        if self._scores is not None or (extra and not ends):
            out.append(ChoiceDelta(choice=self._index, logprobs=self._scores, extra={} if ends else extra))
        if reason is not None and not self.ended:
            self._end(out)
            self.ended = True
            out.append(ChoiceEnded(choice=self._index, finish_reason=reason, extra=extra))

    def _piece(self, members: Members, out: list[Event]) -> None:
        """Take a part of the content, or what there is of it."""
        if bytes(members.get("thought", ABSENT)) != b"true" and self._open == "reasoning":
            self._end(out)  # what a signature signs now is no thought
        for part in decode_part(members, self._calls):
            self._part(part, out)

    def go_on(self, kind: PartKind, text: str) -> PartDelta | None:
        """Give the delta of a text or a thought under way, None where there is none."""
        if self._open != kind or not text or self._signed or self.ended:
            return None
        return PartDelta(choice=self._index, part=self._parts - 1, text=text)

    def _part(self, part: Part, out: list[Event]) -> None:
        match part:
            case Text():
                if part.text or part.extra:
                    self._say("text", part.text, out, extra=part.extra)
            case Reasoning():
                if self._open == "reasoning" and self._signed:
                    self._end(out)
                if part.text or part.signature or part.extra:
                    self._say("reasoning", part.text, out, part.signature, part.extra)
                    self._signed = part.signature is not None
            case ToolCall():
                self._called = True
                self._end(out)
                number = self._number()
                start = PartStarted(
                    choice=self._index, part=number, kind="tool_call", id=part.id, name=part.name, extra=part.extra
                )
                delta = PartDelta(choice=self._index, part=number, text=part.arguments)
                out += (start, delta, PartEnded(choice=self._index, part=number))
            case Media() if is_given(part):
                self._end(out)
                out.append(MediaGiven(choice=self._index, part=self._number(), media=part))
            case Media():
                spoken = Raw(msgspec.json.encode([Speaker([], {}).media(part, PARTS)]))
                out.append(ChoiceDelta(choice=self._index, message={PARTS: spoken}))
            case _:
                pass

    def _say(
        self, kind: PartKind, text: str, out: list[Event], signature: str | None = None, extra: Extra | None = None
    ) -> None:
        if self._open != kind:
            self._end(out)
            self._open = kind
            self._signed = False
            out.append(PartStarted(choice=self._index, part=self._number(), kind=kind))
            self._text = self._parts - 1 if kind == "text" else self._text
        delta = PartDelta(
            choice=self._index,
            part=self._parts - 1,
            text=text,
            signature=signature,
            logprobs=self._scores,
            extra=extra or {},
        )
        self._scores = None
        out.append(delta)

    def _cite(self, cited: tuple[Citation, ...], out: list[Event]) -> None:
        if cited and self._text is not None:
            out.append(PartDelta(choice=self._index, part=self._text, text="", citations=cited))

    def _end(self, out: list[Event]) -> None:
        if self._open is not None:
            out.append(PartEnded(choice=self._index, part=self._parts - 1))
            self._open = None

    def _number(self) -> int:
        self._parts += 1
        return self._parts - 1
