"""Own one caller's connection: what uvicorn's HTTP/1.1 protocol lacks for callers who are impatient, slow or rude.

    request ── more bytes while it is answered ──> held back, unread ── answered ──> the next request
       └── the caller leaves: every request that is not yet answered learns of it

Invariants: while a request is answered the socket is read, else its end would not be noticed; heads and what is held
back are bounded; a caller who takes nothing of what was written for `KEEP_ALIVE` seconds is cut off.
Sources: RFC 9112 section 9.3.2 (pipelining); RFC 6585 section 5 (431); uvicorn 0.54, `httptools_impl`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gearshift.errors import HeadTooLarge
from gearshift.protocols.openai_chat import codec

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_AHEAD_BYTES: Final = 1024 * 1024
"""Bytes of further requests that may wait for the answer to the first; beyond it the socket is not read."""
KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept, as nginx does; clients that keep theirs for 60 are never surprised."""
_AROUND_FIELD: Final = len(": \r\n")
ABORT: Final = "gearshift.abort"
"""The ASGI extension that breaks the connection: a function under the name `call`."""


class CallerConnection(HttpToolsProtocol):
    """Serve one connection."""

    _in_head = True
    _fed = 0  # bytes of a head that has not come whole
    _fields = 0  # bytes of its fields that have
    _unsent = 0
    _drain: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._ahead = bytearray()
        self._unanswered: list[RequestResponseCycle] = []
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a further request wait until the present one is answered."""
        if self._answering():
            self._ahead += data
            if len(self._ahead) > MAX_AHEAD_BYTES:
                self.flow.pause_reading()
            return
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._fed += len(data)
            if self._fed > MAX_HEAD_BYTES:
                self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that is not yet answered; uvicorn tells the newest only."""
        super().connection_lost(exc)
        self._stop_draining()
        self.pipeline.clear()
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._fed, self._fields = True, 0, 0
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + _AROUND_FIELD)

    def on_headers_complete(self) -> None:
        """End a head; read on, also when the request must wait for the one before it."""
        self._in_head = False
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._unanswered.append(self.cycle)
        self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Go on with the next request; see that what was written is taken."""
        super().on_response_complete()
        self._stop_draining()
        self._watch_drain()
        if self._ahead and not self.transport.is_closing():
            ahead, self._ahead = bytes(self._ahead), bytearray()
            self.data_received(ahead)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and a head that is too long; in the middle of an answer nothing can be said."""
        if any(cycle.response_started and not cycle.response_complete for cycle in self._unanswered):
            self.transport.close()
        elif max(self._fed, self._fields) <= MAX_HEAD_BYTES:
            super().send_400_response(msg)
        else:
            error = HeadTooLarge(f"found a request head of more than {MAX_HEAD_BYTES} bytes; send shorter headers")
            body = codec.encode_error(error)
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[error.status] + head + body)
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; one on which an answer is still being taken is not idle."""
        if not self.transport.get_write_buffer_size():
            super().timeout_keep_alive_handler()

    def _answering(self) -> bool:
        """Say whether a request has come whole and is not answered yet."""
        cycle: RequestResponseCycle | None = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.more_body and not cycle.response_complete)

    def _count(self, size: int) -> None:
        """Bound a head that comes in one piece: the parser stops at an error."""
        self._fields += size
        if self._fields > MAX_HEAD_BYTES:
            message = "the head is too long"
            raise ValueError(message)

    def _watch_drain(self) -> None:
        """Look again in a while whether the caller has taken something; cut it off when it has not."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            self.transport.abort()
            return
        self._unsent = unsent
        self._drain = self.loop.call_later(KEEP_ALIVE, self._watch_drain) if unsent else None

    def _stop_draining(self) -> None:
        if self._drain is not None:
            self._drain.cancel()
        self._drain, self._unsent = None, 0
