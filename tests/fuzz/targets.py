"""Own what is fuzzed: everything that reads bytes of a caller or of an upstream, and what must hold of it.

Each target takes any bytes and returns when all is well: nothing but our own errors may come out, and what is promised
of a reader holds (the same bytes read alike however they are split; what is patched says all else as before).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

import msgspec

from gearshift.errors import CallerError, InvalidRequest, UpstreamError
from gearshift.protocols import complaint, waiting
from gearshift.protocols.bedrock_converse.frames import Frames
from gearshift.protocols.codec import Codec, RequestEdits
from gearshift.protocols.embedding import Embedder
from gearshift.protocols.registry import CODECS, EMBEDDERS
from gearshift.protocols.sse import SSEParser
from gearshift.server.steering import steer
from gearshift.types.inbound import Inbound

Target: TypeAlias = Callable[[bytes], None]
MAX_WAIT: Final = 3600.0
_GEMINI: Final = "/v1beta/models/m:streamGenerateContent"
_STATUSES: Final = (200, 400, 401, 402, 403, 404, 413, 429, 500, 503, 529)


class Reader(Protocol):
    """Be what reads a stream."""

    def feed(self, data: bytes) -> Iterable[object]:
        """Give what `data` completes."""
        ...


def split(data: bytes) -> list[bytes]:
    """Cut `data` in pieces whose sizes it names itself."""
    pieces, at = [], 0
    while at < len(data):
        size = data[at] % 17 + 1
        pieces.append(data[at : at + size])
        at += size
    return pieces


def read_all(reader: Reader, pieces: Iterable[bytes]) -> list[object]:
    """Read until the end, or until the reader refuses."""
    found: list[object] = []
    try:
        for piece in pieces:
            found += reader.feed(piece)
    except UpstreamError:
        pass
    return found


def alike(make: Callable[[], Reader], data: bytes) -> None:
    """Check that `data` is read alike whole and in pieces; where it is refused, what came before may be more in one."""
    whole, pieces = read_all(make(), [data]), read_all(make(), split(data))
    assert all(one == other for one, other in zip(whole, pieces, strict=False)), (whole, pieces)


def sse(data: bytes) -> None:
    """Read server-sent events."""
    alike(SSEParser, data)


def frames(data: bytes) -> None:
    """Read AWS' event stream."""
    alike(Frames, data)


def refusals(data: bytes) -> None:
    """Read what an upstream's refusal means and how long it asks to wait."""
    status = _STATUSES[data[0] % len(_STATUSES)] if data else 400
    read, in_band = complaint.read(status, data), complaint.read_in_band(data)
    assert read.message.isprintable()
    assert in_band.message.isprintable()
    text = data.decode("latin-1")
    names = ("retry-after-ms", "retry-after", "x-ratelimit-reset-requests", "anthropic-ratelimit-tokens-reset")
    for name in names:
        wait = waiting.asked_wait(429, {name: text, "anthropic-ratelimit-tokens-remaining": "0"}, data, 1.8e9)
        assert wait is None or 0 <= wait <= MAX_WAIT


def headers(data: bytes) -> None:
    """Read how a caller steers by headers."""
    said = [line.partition(b":") for line in data.split(b"\n")]
    scope = {"headers": [(name.strip().lower(), value.strip()) for name, _, value in said]}
    inbound = Inbound(body=b"", path="/v1/chat/completions", key=None, began=0.0)
    with suppress(InvalidRequest):
        steer(scope, inbound, None)


def request_of(codec: Codec | Embedder) -> Target:
    """Read a caller's request; where it is one, patch it for an upstream."""

    def target(data: bytes) -> None:
        try:
            codec.decode_request(data, _GEMINI)
            patched = codec.patch_request(data, RequestEdits(model="other"))
        except CallerError:
            return
        before, after = msgspec.json.decode(data), msgspec.json.decode(patched)
        assert isinstance(before, dict)
        kept = before.keys() & after.keys() - {"model", "stream_options"}
        assert {name: before[name] for name in kept} == {name: after[name] for name in kept}

    return target


def answer_of(codec: Codec) -> Target:
    """Read an upstream's answer; where it is one, its facts are those of the glance."""

    def target(data: bytes) -> None:
        try:
            response = codec.decode_response(data)
        except UpstreamError:
            return
        try:
            glance = codec.peek_response(data)
        except UpstreamError:
            return
        assert glance.usage is None or response.usage is None or glance.usage == response.usage

    return target


def stream_of(codec: Codec) -> Target:
    """Read an upstream's stream, and pass it on."""

    def target(data: bytes) -> None:
        alike(codec.stream_decoder, data)
        relay = codec.relay("m")
        try:
            for piece in split(data):
                relay.feed(piece)
            relay.close()
        except UpstreamError:
            return
        assert relay.complete or relay.ended

    return target


TARGETS: Final[dict[str, Target]] = {
    "sse": sse,
    "frames": frames,
    "refusals": refusals,
    "headers": headers,
    **{f"request-{name}": request_of(codec) for name, codec in CODECS.items()},
    **{f"request-{name}": request_of(codec) for name, codec in EMBEDDERS.items()},
    **{f"answer-{name}": answer_of(codec) for name, codec in CODECS.items()},
    **{f"stream-{name}": stream_of(codec) for name, codec in CODECS.items()},
}
"""What is fuzzed, by name."""
