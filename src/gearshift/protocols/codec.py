"""Own the shape that every codec has, both facing callers and facing upstreams.

Invariants: same protocol in and out is a *patch* of the bytes (`patch_request`, `patch_response`, `relay`), so unknown
fields survive; across protocols (`crossing`) it is decode and encode, and what a protocol cannot say is a `Loss` or an
`InvalidRequest`, never silence. Codecs take bytes and give values: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from gearshift.errors import GearshiftError, UpstreamError
from gearshift.types.catalog import Quirks
from gearshift.types.chat import Request, Response, Usage
from gearshift.types.record import Loss
from gearshift.types.stream import Event, Finished


class RequestEdits(Struct, frozen=True, kw_only=True):
    """Hold what changes in a request on its way to an upstream of the same protocol.

    `model` is the upstream's name. `include_usage` asks a stream for its usage. `max_output_tokens` is the model's
    longest answer, for a protocol that must state one; None: not known. `begun`: the last turn is the beginning of the
    answer, to be gone on with. Fields that only steer the router are removed by the codec itself.
    """

    model: str
    include_usage: bool = False
    max_output_tokens: int | None = None
    begun: bool = False
    quirks: Quirks = Quirks()


class ResponseEdits(Struct, frozen=True, kw_only=True):
    """Hold what changes in a response on its way to a caller of the same protocol.

    `model` is the name of the model that answered. `usage` holds members to add to the usage object and `top` members
    to add at the top level, each as a JSON object's inner text (`b'"cost":0.1'`), b"" for none; a member that is there
    already is replaced. `counted` is said as the usage where the upstream said none.
    """

    model: str
    usage: bytes = b""
    top: bytes = b""
    counted: Usage | None = None


class Encoded(Struct, frozen=True, kw_only=True):
    """Hold what was said, and what of it could not be said."""

    body: bytes
    losses: tuple[Loss, ...] = ()


class Facts(Protocol):
    """Be what metering learns of an answer; None is "not said".

    `answer_bytes` are the UTF-8 bytes of answer text (reasoning and tool arguments too) seen so far, to estimate usage
    that never came. `call_id` is the id of its first call of a tool, which the caller says again with the result.
    """

    @property
    def usage(self) -> Usage | None: ...  # noqa: D102 - read-only attributes, as frozen values have them
    @property
    def finish_reason(self) -> str | None: ...  # noqa: D102
    @property
    def response_id(self) -> str | None: ...  # noqa: D102
    @property
    def upstream_model(self) -> str | None: ...  # noqa: D102
    @property
    def answer_bytes(self) -> int: ...  # noqa: D102
    @property
    def call_id(self) -> str | None: ...  # noqa: D102


class ResponsePeek(Struct, frozen=True, kw_only=True):
    """Hold the `Facts` of an answer that is not streamed, found without decoding it whole."""

    usage: Usage | None
    finish_reason: str | None
    response_id: str | None
    upstream_model: str | None
    answer_bytes: int
    call_id: str | None = None


class StreamDecoder(Protocol):
    """Turn bytes of a stream into events, whatever the split."""

    failure: UpstreamError | None
    """What broke the stream behind what the last `feed` gave; the next one raises it."""
    usage: Usage | None
    """What was counted so far."""

    def feed(self, data: bytes) -> list[Event]:
        """Give the events completed by `data`; raise StreamBroken on an in-band error, UpstreamInvalid on garbage.

        Where both came together the events are given, and the error is kept in `failure`.
        """
        ...

    def close(self) -> list[Event]:
        """Give the last events at the end of input; raise StreamBroken when the stream had not come to its end."""
        ...


class StreamEncoder(Protocol):
    """Turn events into bytes of a stream."""

    losses: list[Loss]
    """What could not be said so far."""
    number: int
    """The number of the next event, where the protocol numbers them; else 0."""

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own; `Finished` is said by `end`."""
        ...

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the end of the stream, with what `edits` add, and its terminator."""
        ...


class StreamRelay(Protocol):
    """Pass a stream on, patched; hold its usage and terminator back until the cost is known."""

    content_seen: bool
    """A meaningful delta (text, reasoning, refusal, tool call) has come."""
    complete: bool
    """The terminator has come, or every answer has its finish reason: nothing more is owed."""
    ended: bool
    """The terminator itself has come."""
    failure: UpstreamError | None
    """What broke the stream behind what the last `feed` gave; the next one raises it."""
    usage: Usage | None
    finish_reason: str | None
    response_id: str | None
    upstream_model: str | None
    answer_bytes: int
    call_id: str | None
    """See `Facts`."""

    @property
    def number(self) -> int:
        """Give the number of the next event that the caller is told, where the protocol numbers them; else 0."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Give the bytes to pass on; raise StreamBroken on an in-band error, UpstreamInvalid on garbage.

        Where both came together the bytes are given, and the error is kept in `failure`.
        """
        ...

    def close(self) -> None:
        """Raise StreamBroken when the input ended before the stream did."""
        ...

    def end(self, edits: ResponseEdits, *, send_usage: bool) -> bytes:
        """Give the held-back end: the chunk with usage (if `send_usage`) and `edits`, and the terminator."""
        ...


class Marks(Struct, frozen=True):
    """Hold what tells a stream from another that says the same: the ids of its parts, and its next event's number."""

    names: tuple[bytes, ...] = ()
    number: int = 0


def unmarked(pieces: Iterable[bytes]) -> Marks:  # noqa: ARG001 - as `Codec.marks`
    """Give the marks of a stream of a protocol that has none."""
    return Marks()


class Codec(Protocol):
    """Translate one protocol. Every method is pure."""

    name: str
    stream_type: str
    """The content type of its streams."""
    headers: Mapping[str, str]
    """What every request to an upstream says beside its body."""
    gives_media: bool
    """Answers can hold images; else what an upstream gave is lost on its way to a caller of this protocol."""
    needs_bytes: frozenset[str]
    """The kinds of media (`image`, `audio`, `file`) for whose URLs on the web it has no words."""
    passed_on: frozenset[bytes]
    """The caller's headers that an upstream of this protocol is told too, in lower case."""
    keep_alive: bytes
    """What is said in a stream while there is nothing to say: every client of the protocol passes over it."""

    def path(self, model: str, *, stream: bool) -> str:
        """Give where requests go, below a provider's base URL; `model` is the upstream's name."""
        ...

    def decode_request(self, body: bytes, path: str = "") -> Request:
        """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected.

        `path` is where it was sent: in some protocols it says the model.
        """
        ...

    def encode_request(self, request: Request, edits: RequestEdits) -> Encoded:
        """Say `request`, whose `extra`s are of this protocol; raise InvalidRequest where a part cannot be said."""
        ...

    def patch_request(self, body: bytes, edits: RequestEdits) -> bytes:
        """Change only what `edits` say, byte for byte."""
        ...

    def decode_response(self, body: bytes) -> Response:
        """Parse an upstream's answer; raise UpstreamInvalid when it is not one."""
        ...

    def encode_response(self, response: Response) -> Encoded:
        """Say `response` on this protocol's wire."""
        ...

    def peek_response(self, body: bytes) -> ResponsePeek:
        """Check that `body` is an answer and give its facts; raise UpstreamInvalid when it is not."""
        ...

    def patch_response(self, body: bytes, edits: ResponseEdits) -> bytes:
        """Change only what `edits` say, byte for byte."""
        ...

    def encode_error(self, error: GearshiftError, extra: bytes = b"") -> bytes:
        """Say `error` as this protocol's error body; `extra` holds further top-level members as inner JSON text."""
        ...

    def encode_stream_error(self, error: GearshiftError, number: int = 0) -> bytes:
        """Say `error` inside a stream that has begun, as its event `number`; never followed by a terminator."""
        ...

    def stream_decoder(self, choices: int = 1) -> StreamDecoder:
        """Begin to decode one stream of `choices` answers."""
        ...

    def stream_encoder(self, *, send_usage: bool) -> StreamEncoder:
        """Begin to encode one stream."""
        ...

    def marks(self, pieces: Iterable[bytes]) -> Marks:
        """Read what a caller knows a stream by, of which it was given these pieces."""
        ...

    def relay(self, model: str, choices: int = 1) -> StreamRelay:
        """Begin to pass one stream of `choices` answers on under the caller's name of the model."""
        ...

    def upstream_message(self, body: bytes) -> str:
        """Give the human message of an upstream's error body, on one line and not shortened; "" when there is none."""
        ...
