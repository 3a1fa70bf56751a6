"""Own the framing of Gemini's streams for callers who did not ask for server-sent events: a JSON array that grows.

    [{...}          the first piece
    ,               ... each further one behind a comma
    {...}
    ]               the end, also behind an error, which is an element of its own

Invariant: what is inside is what the server-sent events would have said; an error before the stream is an array too.
Sources: Google Cloud APIs, "System parameters", `alt` (https://cloud.google.com/apis/docs/system-parameters); the
Gemini API reference, `streamGenerateContent`; google-genai, `errors.APIError`, which takes an error out of its array
(2026-11).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from gearshift.errors import InvalidRequest
from gearshift.execution.outlet import Headers, Outlet
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.server.asgi import Scope

_STREAM: Final = (b"content-type", b"text/event-stream")
_JSON: Final = (b"content-type", b"application/json")
_SIZE: Final = b"content-length"
_BEGIN: Final = b"["
_END: Final = b"\n]"


def framed(scope: Scope, outlet: Outlet) -> Outlet:
    """Give the outlet of a request as its path and query want it framed; raise InvalidRequest where it cannot be."""
    wanted = _framing(scope)
    if wanted not in {"sse", "json"}:
        raise InvalidRequest(f"alt: found {wanted[:40]!r}, expected sse or json", param="alt")
    return outlet if wanted == "sse" else ArrayOutlet(outlet)


def wants_array(scope: Scope) -> bool:
    """Say whether all that answers a request, an error too, is to stand in a JSON array."""
    return _framing(scope) == "json"


def _framing(scope: Scope) -> str:
    """Give what a request says of its answer's framing; "sse", the answer as it is, where its path has no such say."""
    if not scope["path"].endswith(":streamGenerateContent"):
        return "sse"
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return (query.get("alt") or query.get("$alt") or ["json"])[0]


class ArrayOutlet:
    """Be the caller's end of an exchange, and make a JSON array of the events that pass."""

    def __init__(self, outlet: Outlet) -> None:
        """Take the caller's end proper."""
        self._outlet = outlet
        self._parser = SSEParser()
        self._before = _BEGIN
        self._streams = False

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
        """Send the head, which tells of JSON."""
        self._streams = _STREAM in headers
        around = len(_BEGIN + _END)
        told = [(name, b"%d" % (int(value) + around) if name == _SIZE else value) for name, value in headers]
        await self._outlet.start(status, [_JSON if header == _STREAM else header for header in told])

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, where it says anything; a sign of life is a blank line here too."""
        told = self._elements(data)
        if told or not data.strip():
            await self._outlet.write(told or b"\n")

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        told = self._elements(data) if self._streams else self._element(data)
        if self._before == _BEGIN:
            told = _BEGIN
        await self._outlet.finish(told + _END)

    def _elements(self, data: bytes) -> bytes:
        return b"".join([self._element(item.data) for item in self._parser.feed(data) if isinstance(item, ServerEvent)])

    def _element(self, data: bytes) -> bytes:
        before, self._before = self._before, b"\n,\n"
        return before + data
