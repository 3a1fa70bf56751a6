"""Own what a benchmark asks and what it gets: targets, loads, slices, and the bytes of a request.

Invariant: no two requests are alike. Each carries a serial number in its prompt, so that nothing can answer, or decide,
from memory; all of one job have the same length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.types.catalog import Seconds

HOST: Final = "127.0.0.1"
PATH: Final = "/v1/chat/completions"
FIRST_WORD: Final = b"lorem"
THE_END: Final = b"the-end"
"""The first and the last word of every answer: an answer without its last word is not complete."""
DONE: Final = b"data: [DONE]\n\n"
PACE_MS: Final = 5
CONTENT_EVENTS: Final = 64

Kind: TypeAlias = Literal["plain", "burst", "paced"]
"""plain: not streamed; burst: streamed as fast as it goes; paced: streamed with `PACE_MS` between events."""

_SERIAL: Final = "00000000"
_SYSTEM: Final = "You are a helpful assistant. " * 6
_QUESTION: Final = "Explain in two sentences how a suspension bridge carries its load, then give one example. "


class Target(Struct, frozen=True, kw_only=True):
    """Hold what is called. `pid`: the process whose CPU time counts, with its children; None: nobody's."""

    name: str
    port: int
    pid: int | None = None
    model: str = "auto"
    headers: dict[str, str] = {}


class Load(Struct, frozen=True, kw_only=True):
    """Hold how it is called: `connections` callers, each of which calls again as soon as it is answered."""

    kind: Kind
    connections: int

    @property
    def name(self) -> str:
        """Give the load's name in tables."""
        return f"{self.kind} x {self.connections}"

    @property
    def streamed(self) -> bool:
        """Say whether answers are streams."""
        return self.kind != "plain"


class Job(Struct, frozen=True, kw_only=True):
    """Hold one slice to be measured: for `seconds`, new calls are made; then the open ones are awaited."""

    target: Target
    load: Load
    seconds: Seconds


class Slice(Struct, frozen=True, kw_only=True):
    """Hold what one slice measured.

    `requests` were answered completely, `errors` were not; `fault` is the first error's text. `elapsed_s` is from the
    first call to the last answer. Percentiles are None without an answer. `first_p50_s`: until the answer's first word.
    `events` are SSE events received; `cpu_s` is the target's CPU time, None where it is not known.
    """

    requests: int
    errors: int
    fault: str | None
    elapsed_s: Seconds
    p50_s: Seconds | None
    p95_s: Seconds | None
    p99_s: Seconds | None
    first_p50_s: Seconds | None
    events: int
    cpu_s: Seconds | None

    @property
    def per_second(self) -> float:
        """Give complete answers per second."""
        return self.requests / self.elapsed_s if self.elapsed_s > 0 else 0.0


def percentile(ascending: Sequence[float], fraction: float) -> float | None:
    """Give the smallest value that at least `fraction` (0..1) of the values do not exceed; None of none."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(fraction * len(ascending)) - 1)]


def requests(target: Target, kind: Kind) -> Iterator[bytes]:
    """Give HTTP requests without end, each about 700 bytes."""
    head, before, after = _pieces(target, kind)
    serial = 0
    while True:
        serial += 1
        yield b"%b%b%08d%b" % (head, before, serial, after)


def _pieces(target: Target, kind: Kind) -> tuple[bytes, bytes, bytes]:
    """Give a request's head, and its body before and after the serial number."""
    pace = f"[[pace={PACE_MS}]] " if kind == "paced" else ""
    body: dict[str, object] = {
        "model": target.model,
        "messages": [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": f"{pace}Question {_SERIAL}. {_QUESTION * 2}"},
        ],
        "temperature": 0.2,
        "max_tokens": 200,
    }
    if kind != "plain":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    encoded = msgspec.json.encode(body)
    headers = {
        "Host": f"{HOST}:{target.port}",
        "Content-Type": "application/json",
        "Authorization": "Bearer sk-bench",
        **target.headers,
        "Content-Length": str(len(encoded)),
    }
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    before, _, after = encoded.partition(_SERIAL.encode())
    return "\r\n".join(lines).encode(), before, after
