"""Own what it costs to say things in another protocol: a request across, and a chunk of a stream back.

Both are measured in this process, without a network: of each pair of protocols the time of one request (decoded, handed
over, encoded) and of one chunk of text (parsed, decoded, encoded), beside the time that decoding the JSON of the same
bytes takes. Every figure is the least of `ROUNDS` rounds: what disturbs a round only ever adds to it.
The sample is an agent's request: instructions, two tools, a call and its result, said in each protocol's own words.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from time import perf_counter
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.execution.handover import Heir, hand_over
from gearshift.protocols.codec import Codec, RequestEdits
from gearshift.protocols.crossing import Crossing, cross_request
from gearshift.protocols.registry import CALLERS, CODECS
from gearshift.types.catalog import Seconds
from gearshift.types.chat import Message, Request, Sampling, Text, Tool, ToolCall, ToolResult
from gearshift.types.stream import Event, PartDelta, PartStarted, Started

ROUNDS: Final = 7
REPEATS: Final = 200
CHUNKS: Final = 500
_EDITS: Final = RequestEdits(model="m", include_usage=True, max_output_tokens=4_096)
_WORDS: Final = "Look at the failing test first, then say in one sentence what is wrong and mend it. "
_SCHEMA: Final = Raw(
    b'{"type":"object","properties":{"path":{"type":"string"},"line":{"type":"integer"}},"required":["path"]}'
)
_decode: Final = msgspec.json.Decoder().decode


class Pair(Struct, frozen=True, kw_only=True):
    """Hold what a caller of one protocol costs at an upstream of another.

    Ratios are to decoding the JSON of the same bytes: of the caller's request, of the upstream's chunk.
    """

    caller: str
    upstream: str
    request_s: Seconds
    request_ratio: float
    chunk_s: Seconds
    chunk_ratio: float


def measure_translation() -> tuple[Pair, ...]:
    """Measure each pair of two protocols."""
    pairs = product(CALLERS, CODECS)
    return tuple(_pair(CODECS[caller], CODECS[upstream]) for caller, upstream in pairs if caller != upstream)


def sample() -> Request:
    """Give an agent's request, of about 3 kB on the wire."""
    tools = tuple(Tool(name=name, description=_WORDS, parameters=_SCHEMA) for name in ("read_file", "run_tests"))
    return Request(
        model="m",
        messages=(
            Message(role="system", parts=(Text(text=_WORDS * 10),)),
            Message(role="user", parts=(Text(text=_WORDS),)),
            Message(role="assistant", parts=(ToolCall(id="call_1", name="read_file", arguments='{"path":"a.py"}'),)),
            Message(role="tool", parts=(ToolResult(call_id="call_1", name="read_file", parts=(Text(text=_WORDS),)),)),
        ),
        tools=tools,
        sampling=Sampling(max_output_tokens=1_000, temperature=0.5),
        stream=True,
    )


def _pair(caller: Codec, upstream: Codec) -> Pair:
    body = caller.encode_request(sample(), _EDITS).body
    heir, path = Heir(protocol=upstream.name, provider="p"), caller.path("m", stream=True)

    def request() -> None:
        for _ in range(REPEATS):
            told = caller.decode_request(body, path)
            cross_request(hand_over(told, None, heir).request, upstream, _EDITS)

    def plain() -> None:
        for _ in range(REPEATS):
            _decode(body)

    opening, chunk = _stream(upstream)

    def chunks() -> None:
        crossing = Crossing(upstream, caller, "m")
        crossing.feed(opening)
        for _ in range(CHUNKS):
            crossing.feed(chunk)

    data = chunk[chunk.index(b"{") : chunk.rindex(b"}") + 1]  # without the line or the frame around it

    def bare() -> None:
        for _ in range(CHUNKS):
            _decode(data)

    request_s, decode_s = _least(request) / REPEATS, _least(plain) / REPEATS
    chunk_s, bare_s = _least(chunks) / CHUNKS, _least(bare) / CHUNKS
    return Pair(
        caller=caller.name,
        upstream=upstream.name,
        request_s=request_s,
        request_ratio=request_s / decode_s,
        chunk_s=chunk_s,
        chunk_ratio=chunk_s / bare_s,
    )


def _stream(upstream: Codec) -> tuple[bytes, bytes]:
    """Give how a stream of `upstream` begins, and one chunk of its text."""
    encoder = upstream.stream_encoder(send_usage=True)
    begins: tuple[Event, ...] = (
        Started(id="x", model="m", created=1),
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="Look"),
    )
    opening = b"".join(encoder.feed(event) for event in begins)
    return opening, encoder.feed(PartDelta(choice=0, part=0, text=" at"))


def _least(run: Callable[[], None]) -> Seconds:
    """Give the least time that `run` took."""
    taken = []
    for _ in range(ROUNDS):
        began = perf_counter()
        run()
        taken.append(perf_counter() - began)
    return min(taken)
