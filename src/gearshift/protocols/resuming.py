"""Own how a stream that broke off is gone on with: another upstream says the answer again, and says more.

    told (what the caller has) ─┬─> the encoder, as if it had said that itself
                                └─> the text: what comes now is swallowed while it says the same

The caller gets the rest alone, in the stream that it already reads: ids, indexes and numbers go on. At the first
character that differs the other answer is another one, and the stream stays broken.
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


class Told(Struct, frozen=True):
    """Hold what a caller was told before its stream broke: the events of it, their text, and how many parts it had.

    `part` is the number of the text's part, None: it had not begun. `marks` are what the caller knows the stream by.
    """

    events: tuple[Event, ...]
    text: str
    parts: int
    part: int | None = None
    marks: Marks = Marks()


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
        self._same = 0  # characters of the text that have come again
        self._parts: dict[int, int | None] = {}  # theirs, by the other answer's; None: not said
        self._next = told.parts

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        super().close()
        self._check_told()

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:
        """Give the end of the stream."""
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
                return b"" if part is None else super()._say(msgspec.structs.replace(event, part=part))
            case ChoiceEnded() | Finished():
                self._check_told()
                return super()._say(event)
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
        self._check_told()
        self._parts[start.part] = number = self._next
        self._next += 1
        return super()._say(msgspec.structs.replace(start, part=number))

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
        told, count = self._told.text, min(len(text), len(self._told.text) - self._same)
        if not told.startswith(text[:count], self._same):
            raise StreamBroken(_SILENT)
        self._same += count
        return text[count:]

    def _check_told(self) -> None:
        """Raise StreamBroken where the other answer ends, or goes on with something else, before all was said again."""
        if self._same < len(self._told.text):
            raise StreamBroken(_SILENT)
