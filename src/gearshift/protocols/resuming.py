"""Own how a stream that broke off is gone on with: by another upstream, that says more than was told.

    told (what the caller has) ─┬─> the encoder, as if it had said that itself
                                └─> the text, of which the other one
                                      was given nothing: says it again, and that is swallowed while it is the same
                                      was given a beginning: says what follows (see `prefilling`)

The caller gets the rest alone, in the stream that it already reads: ids, indexes and numbers go on. At the first
character that differs the other answer is another one, and the stream stays broken. So it does where who was given the
text says all of it again: nobody can tell whether that belongs to the answer.
Invariant: of every text no character is said twice, left out, or said by two answers that differ before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.errors import StreamBroken, UpstreamError
from gearshift.protocols.codec import Codec, Marks, ResponseEdits
from gearshift.protocols.crossing import UNSTAMPED, Crossing, Stamp
from gearshift.types.chat import Request
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
    MediaGiven,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)

_SILENT: Final = "another model gave another answer, so that it could not go on with this one"
_AGAIN: Final = "another model was given what was said so far, and said it again instead of going on"


class Told(Struct, frozen=True):
    """Hold what a caller was told before its stream broke: the events of it, their text, and how many parts it had.

    `part` is the number of the text's part, None: it had not begun. `marks` are what the caller knows the stream by.
    `given` is the beginning of the text that whoever goes on has been given, and does not say again.
    """

    events: tuple[Event, ...]
    text: str
    parts: int
    part: int | None = None
    marks: Marks = Marks()
    given: str = ""

    @property
    def is_open(self) -> bool:
        """Say whether the text may go on where it stopped."""
        ended = any(isinstance(event, PartEnded) and event.part == self.part for event in self.events)
        return self.part is not None and not ended


def may_resume(request: Request) -> bool:
    """Say whether a broken answer to `request` may be gone on with: one answer in plain text."""
    sampling, form = request.sampling, request.response_format
    plain = form is None or form.kind == "text"
    return plain and sampling.n in {None, 1} and not sampling.logprobs and not sampling.top_logprobs


def read_told(codec: Codec, pieces: Sequence[bytes]) -> Told | None:
    """Read what a caller was told, in its own protocol; None where that is more than one plain text.

    Signed thinking, a tool call that has begun, probabilities or media cannot be gone on with by somebody else.
    """
    decoder, events = codec.stream_decoder(), list[Event]()
    for piece in pieces:
        try:
            events += decoder.feed(piece)
        except UpstreamError:
            return None
    starts = [event for event in events if isinstance(event, PartStarted)]
    texts = [start.part for start in starts if start.kind == "text"]
    if not events or len(texts) > 1 or not all(map(_plain, events)):
        return None
    part = texts[0] if texts else None
    text = "".join(event.text for event in events if isinstance(event, PartDelta) and event.part == part)
    return Told(tuple(events), text, max((start.part + 1 for start in starts), default=0), part, codec.marks(pieces))


def _by(model: str, event: Event) -> Event:
    """Give an event as `model` says it."""
    return msgspec.structs.replace(event, model=model) if isinstance(event, Started) else event


def _plain(event: Event) -> bool:
    """Say whether anybody could have said it."""
    match event:
        case Started() | PartEnded(choice=0) | PartStarted(choice=0, kind="text" | "reasoning", redacted=False):
            return True
        case PartDelta(choice=0, signature=None, logprobs=None, citations=()):
            return True
        case ChoiceDelta(choice=0, logprobs=None):
            return not event.message
        case _:
            return False


class Resumption(Crossing):
    """Go on with a stream in the caller's protocol, whatever that of the upstream; see `codec.StreamRelay`."""

    def __init__(self, upstream: Codec, caller: Codec, model: str, told: Told, stamp: Stamp = UNSTAMPED) -> None:
        """Begin to read the other answer."""
        super().__init__(upstream, caller, model, 1, stamp)
        again = [self._encoder.feed(_by(model, event)) for event in told.events]
        self._encoder.number = told.marks.number
        self._names = tuple(zip(caller.marks(again).names, told.marks.names, strict=False))
        self._headed = True
        self._told = told
        self._same = len(told.given)  # characters of the text that need not come again, or have
        self._held: str | None = "" if told.given else None  # what may be the whole text again; None: it is not
        self._parts: dict[int, int | None] = {}  # theirs, by the other answer's; None: not said
        self._next = told.parts

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        super().close()
        self._check_told()

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:
        """Give the end of the stream; the usage is that of the whole text, whoever said it."""
        if self._told.given and edits.counted is not None:
            self._finished = msgspec.structs.replace(self._finished, usage=edits.counted)
        return self._as_known(super().end(edits, send_usage=send_usage))

    def _tell(self, event: Event) -> bytes:
        return self._as_known(super()._tell(event))

    def _as_known(self, said: bytes) -> bytes:
        """Say the parts' names as the caller knows them: the first upstream may have made them up."""
        for ours, theirs in self._names:
            said = said.replace(b'"%b"' % ours, b'"%b"' % theirs)
        return said

    def _say(self, event: Event) -> bytes:
        match event:
            case Started():
                self.note(event)
                return b""
            case PartStarted():
                return self._start(event)
            case PartDelta():
                return self._delta(event)
            case PartEnded() | MediaGiven():
                part = self._parts.get(event.part, event.part)
                if part is None:
                    return b""
                return self._release() + super()._say(msgspec.structs.replace(event, part=part))
            case ChoiceEnded() | Finished():
                held = self._release()
                self._check_told()
                return held + super()._say(event)
            case ChoiceDelta():
                return super()._say(event)

    def _start(self, start: PartStarted) -> bytes:
        """Begin a part: the text goes on in that of the caller, and thinking was told before."""
        if start.kind == "reasoning":
            self._parts[start.part] = None
            return b""
        if start.kind == "text" and self._told.part is not None and self._told.part not in self._parts.values():
            self._parts[start.part] = self._told.part
            return b""
        held = self._release()
        self._check_told()
        self._parts[start.part] = number = self._next
        self._next += 1
        return held + super()._say(msgspec.structs.replace(start, part=number))

    def _delta(self, delta: PartDelta) -> bytes:
        part = self._parts.get(delta.part)
        text = self._beyond(delta.text) if part is not None and part == self._told.part else delta.text
        if part is None or (delta.text and not text):
            self.answer_bytes += len(delta.text.encode())  # it was made, and is paid for
            return b""
        self.answer_bytes += len(delta.text.encode()) - len(text.encode())
        return super()._say(msgspec.structs.replace(delta, part=part, text=text))

    def _beyond(self, text: str) -> str:
        """Swallow what was told before; raise StreamBroken where it is something else."""
        told = self._told.text
        if self._held is not None:
            text, self._held = self._held + text, None
            if text.startswith(told):
                raise StreamBroken(_AGAIN)
            if told.startswith(text):
                self._held = text
                return ""
        count = min(len(text), len(told) - self._same)
        if not told.startswith(text[:count], self._same):
            raise StreamBroken(_SILENT)
        self._same += count
        return text[count:]

    def _release(self) -> bytes:
        """Say what was held back: it ends before it is the whole text again."""
        held, self._held = self._held, None
        if not held or self._told.part is None:
            return b""
        text = self._beyond(held)
        self.answer_bytes -= len(text.encode())
        return super()._say(PartDelta(choice=0, part=self._told.part, text=text)) if text else b""

    def _check_told(self) -> None:
        """Raise StreamBroken where the other answer ends, or goes on with something else, before all was said again.

        White space at the end is no reason to, where the other one was given all but that.
        """
        missing = self._told.text[self._same :]
        if missing.strip() if self._told.given else missing:
            raise StreamBroken(_SILENT)
