"""Own what is kept of an answer for the log, where content logging is on: the text that the caller was given.

Invariants: the caller comes first, nothing waits for the keeping; at most `MAX_KEPT` bytes of an answer are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gearshift.errors import UpstreamError
from gearshift.execution.outlet import Headers, Outlet
from gearshift.protocols.codec import Codec
from gearshift.protocols.fold import fold
from gearshift.protocols.registry import CODECS
from gearshift.protocols.voice import Voice
from gearshift.types.chat import Part, Refusal, Response, Text
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.stream import PartDelta, PartStarted

MAX_KEPT: Final = 1024 * 1024


class Kept:
    """Keep what passes, as long as it is at most `MAX_KEPT` bytes."""

    __slots__ = ("pieces", "room")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.pieces: list[bytes] = []
        self.room = MAX_KEPT

    def add(self, data: bytes) -> None:
        """Keep a piece, while there is room."""
        if len(data) <= self.room:
            self.pieces.append(data)
        self.room -= len(data)

    @property
    def whole(self) -> bool:
        """Say whether everything was kept."""
        return self.room >= 0


class Transcript:
    """Be the caller's end of an exchange, and remember what passes."""

    def __init__(self, outlet: Outlet) -> None:
        """Take the caller's end proper."""
        self._outlet = outlet
        self._kept = Kept()

    @property
    def started(self) -> bool:
        """Tell whether the head was sent."""
        return self._outlet.started

    @property
    def left(self) -> bool:
        """Tell whether the caller has gone away."""
        return self._outlet.left

    def abort(self) -> None:
        """Break the connection."""
        self._outlet.abort()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        await self._outlet.start(status, headers)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self._kept.add(data)
        await self._outlet.write(data)

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        self._kept.add(data)
        await self._outlet.finish(data)

    def text(self, voice: Voice, *, stream: bool) -> str | None:
        """Give the text of the first answer as far as it came; None when there was none, as in an error."""
        codec = CODECS.get(voice.name)
        if codec is None:  # vectors are no text
            return None
        return (spoken(codec, self._kept.pieces) if stream else written(codec, b"".join(self._kept.pieces))) or None


def said(codec: Codec, answer: bytes | Sequence[bytes]) -> tuple[Part, ...]:
    """Give the parts of the first answer, of a body or of the pieces of a stream; nothing where it cannot be read."""
    try:
        response = codec.decode_response(answer) if isinstance(answer, bytes) else _folded(codec, answer)
    except UpstreamError:
        return ()
    return response.choices[0].parts if response.choices else ()


def _folded(codec: Codec, pieces: Sequence[bytes]) -> Response:
    decoder = codec.stream_decoder()
    return fold([event for piece in pieces for event in decoder.feed(piece)])


def written(codec: Codec, body: bytes) -> str:
    """Give the text of the first answer of a body; "" where there is none, or the body cannot be read."""
    try:
        choices = codec.decode_response(body).choices[:1]
    except UpstreamError:
        return ""
    return "".join(part.text for choice in choices for part in choice.parts if isinstance(part, Text | Refusal))


def spoken(codec: Codec, pieces: Iterable[bytes]) -> str:
    """Give the text of the first answer of a stream, as far as it can be read."""
    return "".join(_spoken(codec, pieces))


def _spoken(codec: Codec, pieces: Iterable[bytes]) -> Iterator[str]:
    decoder = codec.stream_decoder()
    texts: set[int] = set()
    for piece in pieces:
        try:
            events = decoder.feed(piece)
        except UpstreamError:  # the error that ends a broken stream
            return
        for event in events:
            if isinstance(event, PartStarted) and event.choice == 0 and event.kind in {"text", "refusal"}:
                texts.add(event.part)
            elif isinstance(event, PartDelta) and event.choice == 0 and event.part in texts:
                yield event.text


def prompt_text(request: Asked) -> str | None:
    """Give the text of the last user turn, for the log; of what is embedded nothing is kept, for it is no prompt."""
    if isinstance(request, EmbeddingRequest):
        return None
    for message in reversed(request.messages):
        if message.role == "user":
            return "\n".join(part.text for part in message.parts if isinstance(part, Text))
    return ""
