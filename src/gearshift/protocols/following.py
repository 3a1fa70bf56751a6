"""Own what is learned of a stream under way, and the relay of protocols whose decoder learns it.

Invariant: what is passed on of a stream in its own protocol keeps its bytes but for what the protocol's `Patch`
changes; the end is held back until the cost is known.
"""

from __future__ import annotations

from typing import Protocol

from gearshift.errors import UpstreamError
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.sse import Comment, ServerEvent, SSEParser, encode_comment
from gearshift.protocols.wording import text_of
from gearshift.types.chat import Usage
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
    MediaGiven,
    PartDelta,
    PartStarted,
    Started,
)


class ItemDecoder(Protocol):
    """Turn the events of a parsed stream into nouns."""

    usage: Usage | None
    """What was counted so far."""

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what `item` says; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        ...

    def close(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        ...


class Patch(Protocol):
    """Change the events of one stream for a caller who is told another name of the model."""

    def item(self, item: ServerEvent) -> bytes | None:
        """Give what is passed on of `item`, None to hold it back until the end."""
        ...

    def end(self, held: list[ServerEvent], edits: ResponseEdits) -> bytes:
        """Give what was held back, with what `edits` add."""
        ...


class Progress:
    """Hold what is known of a stream; see `codec.StreamRelay`."""

    def __init__(self, choices: int) -> None:
        """Begin a stream of `choices` answers."""
        self.content_seen = False
        self.complete = False
        self.ended = False
        self.failure: UpstreamError | None = None
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.response_id: str | None = None
        self.upstream_model: str | None = None
        self.answer_bytes = 0
        self.call_id: str | None = None
        self._expected = choices
        self._begun: set[int] = set()
        self._over: set[int] = set()

    @property
    def number(self) -> int:
        """Give the number of the next event."""
        return 0

    def note(self, event: Event) -> None:
        """Learn from one event."""
        match event:  # deltas first: nearly all are, and a class that is not the event's takes time to tell
            case PartDelta():
                self.answer_bytes += len(event.text.encode())
                self.content_seen = self.content_seen or bool(event.text or event.signature)
            case Started():
                self.response_id, self.upstream_model = event.id or None, event.model or None
            case Finished():
                self.usage = event.usage or self.usage
                self.ended = self.complete = True
            case PartStarted():
                self._begun.add(event.choice)
                self.content_seen = self.content_seen or event.kind == "tool_call" or event.redacted
                self.call_id = self.call_id or event.id
            case ChoiceEnded():
                self._begun.add(event.choice)
                self._over.add(event.choice)
                if not self.finish_reason:
                    self.finish_reason = event.finish_reason
                self.complete = self.complete or (len(self._over) >= self._expected and self._over == self._begun)
            case MediaGiven():
                self._begun.add(event.choice)
                self.content_seen = True
            case ChoiceDelta():
                self.content_seen = self.content_seen or bool(event.message)
            case _:
                pass


class Passing(Progress):
    """Pass the events of one stream on, whatever they are; see `codec.StreamRelay`."""

    def __init__(self, choices: int) -> None:
        """Begin a stream of `choices` answers."""
        super().__init__(choices)
        self.parser = SSEParser()

    def take(self, item: ServerEvent) -> bytes:
        """Give what is passed on of `item`; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        raise NotImplementedError

    def feed(self, data: bytes) -> bytes:
        """Give the bytes to pass on; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        if self.failure is not None:
            raise self.failure
        out: list[bytes] = []
        try:
            for item in self.parser.feed(data):
                if self.ended:
                    break
                if isinstance(item, Comment):
                    out.append(encode_comment(item))
                    continue
                text_of(item.data)
                out.append(self.take(item))
        except UpstreamError as error:
            self.failure = error
            if not any(out):
                raise
        return b"".join(out)


class Following(Passing):
    """Pass one stream on in its own protocol; see `codec.StreamRelay`."""

    def __init__(self, decoder: ItemDecoder, patch: Patch, choices: int = 1) -> None:
        """Begin a stream: `decoder` learns what it says, `patch` changes it."""
        super().__init__(choices)
        self._decoder = decoder
        self._patch = patch
        self._held: list[ServerEvent] = []

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        for event in self._decoder.close():
            self.note(event)

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:  # noqa: ARG002 - these protocols always say it
        """Give what was held back, with the usage and `edits`."""
        return self._patch.end(self._held, edits)

    def take(self, item: ServerEvent) -> bytes:
        """Give what is passed on of `item`."""
        for event in self._decoder.take(item):
            self.note(event)
        self.usage = self._decoder.usage or self.usage
        passed = None if self._held else self._patch.item(item)
        if passed is None:
            self._held.append(item)
            return b""
        return passed
