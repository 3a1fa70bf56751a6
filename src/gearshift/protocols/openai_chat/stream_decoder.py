"""Own streamed answers: chunks to events.

Invariants: an answer has at most one part each of reasoning, text and refusal, for the wire can say no more, and one
for each tool call; parts stay open until their answer ends. Fields without a noun become events of their own
(`ChoiceDelta`); top-level fields that come late, or change, are told with `Finished`. `obfuscation` is padding of the
transport (OpenAI API reference, `stream_options.include_obfuscation`) and ends here.
Source: the OpenAI API reference, "The chat completion chunk object" (2026-11).
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.complaint import broken_off
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import (
    ABSENT,
    INTEGER,
    NULL,
    OBJECT,
    OBJECTS,
    TEXT,
    Misfit,
    keep,
    maybe,
    take,
    whole,
    word,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.openai_chat.citations import ANNOTATIONS, take_citations
from gearshift.protocols.openai_chat.message import decode_other_call, decode_reasoning
from gearshift.protocols.openai_chat.progress import DONE, Progress, is_error
from gearshift.protocols.openai_chat.response import decode_finish
from gearshift.protocols.openai_chat.usage import decode_usage
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import invalid, unreadable
from gearshift.types.chat import Extra, ToolCall
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

_PADDING: Final = ("object", "obfuscation")
_QUOTE: Final = b'"'


class Decoder(Decoding):
    """Turn the bytes of one stream into events, whatever the split."""

    def __init__(self, choices: int = 1) -> None:
        """Begin a stream of `choices` answers."""
        super().__init__()
        self._progress = Progress(choices)
        self._answers: dict[int, _Answer] = {}
        self._started = False
        self._id = ""
        self._model = ""
        self._created = 0
        self._head: Extra = {}

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one chunk says."""
        out: list[Event] = []
        if item.data.startswith(DONE):
            self._progress.end()
            self.ended = True
            return [self._finished()]
        if item.event == "error":
            raise broken_off(item.data)
        plain = self._plain(item.data) if self._started else None
        if plain is not None:
            return [plain]
        if item.data.strip():
            try:
                self._chunk(item.data, out)
            except Misfit as error:
                raise unreadable(error) from None
        return out

    def finish(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        if self._progress.ended:
            return []
        if not self.parser.cut().startswith(DONE):
            self._progress.close()
        self._progress.end()
        return [self._finished()]

    def _plain(self, data: bytes) -> PartDelta | None:
        """Give the text of a chunk that goes on with the text of an answer and says nothing else, as nearly all do."""
        try:
            chunk = _chunk.decode(data)
            (choice,) = chunk.choices
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            return None
        answer, text = self._answers.get(choice.index), choice.delta.content
        if answer is None or not text or any(getattr(chunk, name) != self._head.get(name, ABSENT) for name in _SAME):
            return None
        return answer.go_on(text)

    def _chunk(self, data: bytes, out: list[Event]) -> None:
        members = JsonObject(data, invalid, lax=True).members
        broken = bytes(members.get("error", ABSENT)) not in {b"", NULL}
        choices = (maybe(members, "choices", OBJECTS) or []) if not broken else []
        if broken or (not choices and is_error(data)):
            raise broken_off(data)
        self._note(members)
        if choices and not self._started:
            self._started = True
            out.append(
                Started(protocol="openai_chat", id=self._id, model=self._model, created=self._created, extra=self._head)
            )
        for choice in choices:
            index = maybe(choice, "index", INTEGER) or 0
            word = choice.get("finish_reason", ABSENT)
            self._progress.see(index, TEXT.read(word, "finish_reason") if bytes(word) not in {b"", NULL} else None)
            self._answers.setdefault(index, _Answer(index)).decode(choice, out)

    def _note(self, members: Members) -> None:
        """Take what a chunk says of the whole answer."""
        for name in _PADDING:
            members.pop(name, None)
        if "usage" in members and bytes(usage := members.pop("usage")) != NULL:
            counted, rest = decode_usage(usage)
            self.usage = counted or self.usage
            keep(members, "usage", rest)
        said, model, created = (members.pop(name, ABSENT) for name in ("id", "model", "created"))
        self._id = self._id or word(said) or ""
        self._created = self._created or whole(created)
        self._model = self._model or word(model) or ""
        if self._started:
            self.late |= _news(members, self._head | self.late)
        else:
            self._head |= members

    def _finished(self) -> Finished:
        return Finished(usage=self.usage, extra=self.late)


class _Delta(Struct, forbid_unknown_fields=True):
    content: str | None = None
    role: str | None = None


class _Choice(Struct, forbid_unknown_fields=True):
    delta: _Delta
    index: int = 0
    logprobs: None = None
    finish_reason: None = None


class _Chunk(Struct, forbid_unknown_fields=True):
    """Be a chunk that may bring text only."""

    choices: list[_Choice]
    id: Raw = ABSENT
    model: Raw = ABSENT
    created: Raw = ABSENT
    object: Raw = ABSENT
    obfuscation: Raw = ABSENT
    usage: None = None
    system_fingerprint: Raw = ABSENT
    service_tier: Raw = ABSENT


_chunk = msgspec.json.Decoder(_Chunk)
_SAME: Final = ("system_fingerprint", "service_tier")
"""What each chunk repeats."""


class _Answer:
    """Follow one answer of a stream."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._parts: dict[str | int, int] = {}  # a kind of text, or the index of a tool call, to the part's number
        self._other_calls: set[int] = set()
        self._extra: Extra = {}
        self._scores: Raw | None = None
        self._ended = False

    def decode(self, members: Members, out: list[Event]) -> None:
        """Take one chunk's part of the answer."""
        delta = maybe(members, "delta", OBJECT) or {}
        delta.pop("role", None)
        scores = members.pop("logprobs", ABSENT)
        self._scores = None if bytes(scores) in {b"", NULL} else scores
        self._texts(delta, out)
        for place, call in enumerate(maybe(delta, "tool_calls", OBJECTS) or []):
            try:
                self._call(call, out)
            except Misfit as misfit:
                raise misfit.within(f"choices[].delta.tool_calls[{place}]") from None
        extra: Extra = {}
        reason = decode_finish(members, extra)
        news = _news(extra | members, self._extra)
        self._extra |= news
        ends = reason is not None and not self._ended
        message = {name: raw for name, raw in delta.items() if bytes(raw) != NULL}
        if message or self._scores is not None or (news and not ends):
            out.append(
                ChoiceDelta(choice=self._index, logprobs=self._scores, message=message, extra={} if ends else news)
            )
        if reason is not None and not self._ended:
            self._ended = True
            out.extend(PartEnded(choice=self._index, part=part) for part in self._parts.values())
            out.append(ChoiceEnded(choice=self._index, finish_reason=reason, extra=news))

    def go_on(self, text: str) -> PartDelta | None:
        """Give the delta of a text under way, None where there is none."""
        part = self._parts.get("text")
        return None if part is None or self._ended else PartDelta(choice=self._index, part=part, text=text)

    def _texts(self, delta: Members, out: list[Event]) -> None:
        for thought in decode_reasoning(delta):
            if thought.text or thought.extra:
                self._say("reasoning", thought.text, thought.extra, out)
        if bytes(delta.get("content", ABSENT))[:1] == _QUOTE and (text := take(delta, "content", TEXT)):
            self._say("text", text, {}, out)
        if ANNOTATIONS in delta and "text" in self._parts and (cited := take_citations(delta)):
            out.append(PartDelta(choice=self._index, part=self._parts["text"], text="", citations=cited))
        if refusal := maybe(delta, "refusal", TEXT):
            self._say("refusal", refusal, {}, out)

    def _say(self, kind: Literal["text", "reasoning", "refusal"], text: str, extra: Extra, out: list[Event]) -> None:
        if kind not in self._parts:
            self._parts[kind] = len(self._parts)
            out.append(PartStarted(choice=self._index, part=self._parts[kind], kind=kind))
        self._delta(kind, text, extra, out)

    def _delta(self, part: str | int, text: str, extra: Extra, out: list[Event]) -> None:
        out.append(PartDelta(choice=self._index, part=self._parts[part], text=text, logprobs=self._scores, extra=extra))
        self._scores = None

    def _call(self, members: Members, out: list[Event]) -> None:
        index = maybe(members, "index", INTEGER)
        if index is None:
            index = self._unnumbered(members)
        kind = TEXT.read(members["type"], "type") if bytes(members.get("type", NULL)) != NULL else "function"
        if kind != "function" or index in self._other_calls:
            self._other_call(index, members, out)
            return
        members.pop("type", None)
        inner = maybe(members, "function", OBJECT) or {}
        call, name = maybe(members, "id", TEXT), maybe(inner, "name", TEXT, "function.")
        text = maybe(inner, "arguments", TEXT, "function.") or ""
        keep(members, "function", inner)
        if index not in self._parts:
            self._start(index, ToolCall(id=call or "", name=name or "", arguments=text, extra=members), out)
        elif text or members:
            self._delta(index, text, members, out)

    def _other_call(self, index: int, members: Members, out: list[Event]) -> None:
        """Take a call of a tool that is not a function: all its members go on in `extra`."""
        call = decode_other_call(members)
        if index not in self._parts:
            self._other_calls.add(index)
            self._start(index, call, out)
        else:
            self._delta(index, call.arguments, members, out)

    def _start(self, index: int, call: ToolCall, out: list[Event]) -> None:
        part = self._parts[index] = len(self._parts)
        started = PartStarted(
            choice=self._index, part=part, kind="tool_call", id=call.id, name=call.name, extra=call.extra
        )
        out.append(started)
        if call.arguments:
            self._delta(index, call.arguments, {}, out)

    def _unnumbered(self, members: Members) -> int:
        """Give an index to a call that has none: one with an id is new, one without goes on with the last."""
        calls = [part for part in self._parts if isinstance(part, int)]
        return len(calls) if bytes(members.get("id", NULL)) not in {NULL, b'""'} or not calls else calls[-1]


def _news(said: Extra, known: Extra) -> Extra:
    """Give what was not said before; null is no news of what is known."""
    return {name: raw for name, raw in said.items() if name not in known or (raw != known[name] and bytes(raw) != NULL)}
