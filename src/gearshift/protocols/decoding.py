"""Own how the bytes of a stream become events, whatever the protocol: item by item, with what breaks it kept back.

Invariant: what came before an error in the same bytes is given first; the next feed raises the error.
"""

from __future__ import annotations

from gearshift.errors import UpstreamError
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.stream import Event


class Decoding:
    """Be the half of a stream's decoder that all protocols share; see `codec.StreamDecoder`."""

    def __init__(self) -> None:
        """Begin a stream."""
        self.failure: UpstreamError | None = None
        self.ended = False
        self.parser = SSEParser()

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one event of the wire says; raise StreamBroken on an in-band error, UpstreamInvalid on garbage."""
        raise NotImplementedError

    def finish(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        raise NotImplementedError

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
