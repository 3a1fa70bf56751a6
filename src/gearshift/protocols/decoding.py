"""Own how the bytes of a stream become events, whatever the protocol: item by item, with what breaks it kept back.

Invariant: what came before an error in the same bytes is given first; the next feed raises the error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gearshift.errors import UpstreamError
from gearshift.protocols.sse import Item, ServerEvent, SSEParser
from gearshift.protocols.wording import closed_early
from gearshift.types.chat import Extra, Usage
from gearshift.types.stream import Event, Finished


class Parser(Protocol):
    """Turn bytes of a stream into its events, whatever the split."""

    def feed(self, data: bytes) -> Iterable[Item]:
        """Give the items that `data` completes; raise UpstreamInvalid on garbage, behind those that came before it."""
        ...

    def cut(self) -> bytes:
        """Give what the end of input left of an event that is not whole."""
        ...


class Decoding:
    """Be the half of a stream's decoder that all protocols share; see `codec.StreamDecoder`."""

    def __init__(self, parser: Parser | None = None) -> None:
        """Begin a stream, of server-sent events unless `parser` says otherwise."""
        self.failure: UpstreamError | None = None
        self.ended = False
        self.complete = False  # every answer has come to its end; what is left are counts
        self.usage: Usage | None = None
        self.late: Extra = {}  # what the end says beyond the nouns
        self.parser = parser or SSEParser()

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one event of the wire says; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        raise NotImplementedError

    def finish(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        if self.ended:
            return []
        if not self.complete:
            raise closed_early()
        return [self.finished()]

    def finished(self) -> Finished:
        """End the stream."""
        self.ended = True
        return Finished(usage=self.usage, extra=self.late)

    def feed(self, data: bytes) -> list[Event]:
        """Give the events completed by `data`; raise what broke the stream, where nothing came before it."""
        if self.failure is not None:
            raise self.failure
        out: list[Event] = []
        try:
            for item in self.parser.feed(data):
                if isinstance(item, ServerEvent) and not self.ended:
                    out += self.take(item)
        except UpstreamError as error:
            self.failure = error
            if not out:
                raise
        return out

    def close(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        if self.failure is not None:
            raise self.failure
        return self.finish()
