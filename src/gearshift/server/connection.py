"""Own one caller's connection: what uvicorn's HTTP/1.1 protocol lacks for callers who are impatient, slow or rude.

    head ── the gate (`server.gate`) ── begun ──> the app
       └── not whole after `HEAD_TIMEOUT` seconds: 408
    request ── more bytes while it is answered ──> held back, unread ── answered ──> the next request
       └── the caller leaves: every request that is not yet answered learns of it

Invariants: while a request is answered the socket is read, else its end would not be noticed; heads, what is held back
and what is written ahead of the caller are bounded; a caller who takes nothing of what was written is cut
off (`server.drain`), and so is one whose body still trickles `LINGER` seconds after it was answered.
Sources: RFC 9112 section 9.3.2 (pipelining); RFC 6585 section 5 (431); uvicorn 0.54, `httptools_impl`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from typing import Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gearshift.errors import CallerError, HeadTooLarge, RequestTooSlow
from gearshift.protocols.openai_chat import codec
from gearshift.server import paths
from gearshift.server.drain import Drain
from gearshift.server.gate import Gate
from gearshift.server.guest import Guest

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_AHEAD_BYTES: Final = 1024 * 1024
"""Bytes of further requests that may wait for the answer to the first; beyond it the socket is not read."""
KEEP_ALIVE: Final = 75
"""Seconds that an idle connection is kept, as nginx does; clients that keep theirs for 60 are never surprised."""
LAST_CALL: Final = 1
"""The same, once the gateway stops."""
HEAD_TIMEOUT: Final = 10
"""Seconds from the first byte of a head to its last."""
LINGER: Final = 30
"""Seconds that the rest of a body is still read, and dropped, once its request is answered: else a reset might reach
the caller before the answer does (RFC 9112 section 9.6)."""
MAX_UNSENT_BYTES: Final = 16 * 1024
"""What the kernel takes for a caller beyond what is on its way to it. What it took is kept here as well, until the
answer is whole, lest the stream breaks: without a bound that is a megabyte for each caller who does not read."""
_AROUND_FIELD: Final = len(": \r\n")
ABORT: Final = "gearshift.abort"
"""The ASGI extension that breaks the connection: a function under the name `call`."""

_log = logging.getLogger("gearshift.connection")


class CallerConnection(HttpToolsProtocol):
    """Serve one connection."""

    _gate: Gate | None = None
    _guest: Guest | None = None
    _in_head = True
    _in_body = False
    _away = False  # the request that comes in was turned away: what is left of it is dropped
    _fed = 0  # bytes of a head that has not come whole
    _fields = 0  # bytes of its fields that have
    _slow: asyncio.TimerHandle | None = None  # for a head that has not come whole, or the rest of a body

    @classmethod
    def through(cls, gate: Gate) -> type[CallerConnection]:
        """Give connections whose requests pass `gate`."""
        return type(cls.__name__, (cls,), {"_gate": gate})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._ahead = bytearray()
        self._unanswered: list[RequestResponseCycle] = []
        self._drain = Drain(transport, self.loop)
        super().connection_made(transport)
        _bound_unsent(transport)
        self.timeout_keep_alive_task = self.loop.call_later(KEEP_ALIVE, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a further request wait until the present one is answered."""
        if self._answering():
            self._ahead += data
            if len(self._ahead) > MAX_AHEAD_BYTES:
                self.flow.pause_reading()
            return
        super().data_received(data)
        if self._in_body and self._slow is None and (self._away or self.cycle.response_complete):
            self._slow = self.loop.call_later(LINGER, self._body_too_slow)
        if self._in_head and not self.transport.is_closing():
            self._fed += len(data)
            if self._fed > MAX_HEAD_BYTES:
                self.send_400_response("")
            elif self._slow is None:
                self._slow = self.loop.call_later(HEAD_TIMEOUT, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that is not yet answered; uvicorn tells the newest only."""
        super().connection_lost(exc)
        self._drain.stop()
        self._hurried()
        if self._guest is not None and self._gate is not None and not self._guest.begun:
            self._gate.leave(self._guest)
        self.pipeline.clear()
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._in_body, self._away, self._fed, self._fields = True, False, False, 0, 0
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
        self._in_head, self._in_body = False, True
        self._hurried()
        if self._gate is not None and self._gate.crowded and self._turned_away(self._gate):
            return
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._unanswered.append(self.cycle)
        self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_body = False
        self._hurried()
        if not self._away:
            super().on_message_complete()

    def _turned_away(self, gate: Gate) -> bool:
        """Answer a request that the gate does not take, by its head, before anything is made of it."""
        before: RequestResponseCycle | None = self.cycle
        if self.parser.get_method() != b"POST" or (before is not None and not before.response_complete):
            return False
        url = httptools.parse_url(self.url)
        path = unquote(url.path.decode("ascii"))
        if path == paths.FEEDBACK:
            return False
        told = gate.turn_away({"path": path, "query_string": url.query or b"", "headers": self.headers})
        if told is None:
            return False
        self._away = True
        keep = self.parser.should_keep_alive() and not gate.stopping
        self._give(told, keep=keep)
        if keep:
            self.timeout_keep_alive_task = self.loop.call_later(KEEP_ALIVE, self.timeout_keep_alive_handler)
        return True

    def _give(self, told: tuple[bytes, bytes], *, keep: bool) -> None:
        """Write an answer that is ready made."""
        head, body = told
        self.transport.write(b"%b%b\r\n%b" % (head, b"" if keep else b"connection: close\r\n", body))
        if not keep:
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: object) -> None:
        """Begin a request, or bring it to the gate; what is no work passes by it."""
        del app  # there is but one
        if self._gate is not None and self._gate.stopping:
            cycle.keep_alive = False
        if self._gate is None or cycle.scope["method"] != "POST" or cycle.scope["path"] == paths.FEEDBACK:
            self.begin(None, cycle)
            return
        self._guest = Guest(self, cycle)
        self._gate.admit(self._guest)

    def retire(self) -> None:
        """Close with the present answer where its head can still say so, else once nothing more is asked for a moment.

        Who is not told may ask again just then: to close would be to lose a request.
        """
        self.timeout_keep_alive = LAST_CALL
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = cycle.keep_alive and cycle.response_started
        elif self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = self.loop.call_later(LAST_CALL, self.timeout_keep_alive_handler)

    def begin(self, guest: Guest | None, cycle: RequestResponseCycle) -> None:
        """Hand a request over to the app."""
        task = self.loop.create_task(cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if guest is not None and self._gate is not None:
            task.add_done_callback(partial(_leave, self._gate, guest))

    def refuse(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        """Answer a request that was not begun."""
        if cycle.disconnected or self.transport.is_closing():
            return
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._give((head, body), keep=cycle.keep_alive)
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request; see that what was written is taken."""
        super().on_response_complete()
        self._drain.watch()
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
            self._say_last(
                HeadTooLarge(f"found a request head of more than {MAX_HEAD_BYTES} bytes; send shorter headers")
            )

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

    def pause_writing(self) -> None:
        """See that the caller takes something of what was written."""
        super().pause_writing()
        self._drain.watch()

    def resume_writing(self) -> None:
        """Write on: the caller has taken enough."""
        super().resume_writing()
        self._drain.stop()

    def _head_too_slow(self) -> None:
        self._slow = None
        _log.warning("slow_head", extra={"fields": {"bytes": self._fed, "within_s": HEAD_TIMEOUT}})
        self._say_last(RequestTooSlow(f"found no whole request head within {HEAD_TIMEOUT} s; send it at once"))

    def _body_too_slow(self) -> None:
        self._slow = None
        _log.warning("slow_body", extra={"fields": {"after_answer_s": LINGER}})
        self.transport.close()

    def _hurried(self) -> None:
        """Put the timer away: what it waited for has come."""
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _say_last(self, error: CallerError) -> None:
        """Answer a request whose path is not known, and close."""
        body = codec.encode_error(error)
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[error.status] + head + body)
        self.transport.close()


def _bound_unsent(transport: asyncio.Transport) -> None:
    """Take a further piece only when the one before is on its way; what is on its way the kernel knows best."""
    transport.set_write_buffer_limits(high=0)
    option, made = getattr(socket, "TCP_NOTSENT_LOWAT", None), transport.get_extra_info("socket")
    if option is not None and made is not None:
        made.setsockopt(socket.IPPROTO_TCP, option, MAX_UNSENT_BYTES)


def _leave(gate: Gate, guest: Guest, _task: asyncio.Task[None]) -> None:
    gate.leave(guest)
