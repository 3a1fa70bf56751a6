"""Own the gate before the app: which requests are begun, when, and what those are told that are not.

    connection ── head ──> `admit` ── begun ──────────> the app
                              ├── waits ── its turn ──> the app
                              └── shed ──> 503 `overloaded` and `Retry-After`, in the caller's protocol, ready made

A turn is one pass of the event loop. A request that is shed leaves no row in the log, only a count and, at most once
a second, a line: what is to be cheap while everything else is dear cannot write. Its body is not read.
Exempt: all that is not a POST (health, readiness, metrics, models), and feedback.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gearshift.errors import GearshiftError, Overloaded, ShuttingDown
from gearshift.protocols.voice import Voice
from gearshift.server import paths
from gearshift.server.admission import Admission, Reason, Waiting
from gearshift.server.asgi import Scope
from gearshift.server.auth import Keys
from gearshift.server.framing import wants_array
from gearshift.telemetry import Telemetry
from gearshift.types.catalog import Seconds

ARRIVED: Final = "gearshift.arrived"
"""Where a scope says when its request arrived, by the gate's clock."""
LOOK: Final[Seconds] = 0.025
"""Between two looks at how late the loop is."""
SAID_EVERY: Final[Seconds] = 1.0
RETRY_AFTER: Final = (1, 2, 3)
"""Seconds to wait, told by turns, so that those who were shed together do not come back together."""
STRANGERS: Final = "?"
"""Whom all callers with unknown keys share a line with, until they are refused."""
_TOLD: Final[dict[Reason, str]] = {
    "wait": "requests wait too long here at present",
    "full": "too many requests wait here at present",
    "lag": "the gateway is too busy at present",
}

_log = logging.getLogger("gearshift.gate")


class Request(Protocol):
    """Be a request at the gate, which says when it came, whose it is, and where it waits.

    `begin` hands it over to the app; `refuse` answers it with a head, to which fields may be added, and a body.
    """

    arrived: Seconds
    key: str | None
    place: Waiting[Request] | None
    begun: bool

    @property
    def scope(self) -> Scope: ...  # noqa: D102
    def begin(self) -> None: ...  # noqa: D102
    def refuse(self, head: bytes, body: bytes) -> None: ...  # noqa: D102


class Gate:
    """Let requests in."""

    def __init__(
        self, keys: Keys, telemetry: Telemetry, clock: Callable[[], Seconds], *, room: int, patience: Seconds
    ) -> None:
        """Take the keys by which callers are told apart, and a monotonic clock; for the rest see `Admission`."""
        self._admission: Admission[Request] = Admission(room, patience)
        self._keys = keys
        self._telemetry = telemetry
        self._clock = clock
        self._turning = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._marked = 0.0
        self._retry = itertools.cycle(RETRY_AFTER)
        self._answers: dict[tuple[str, Reason, int, bool], tuple[bytes, bytes]] = {}
        self._shed_now: Counter[Reason] = Counter()
        self._unsaid: Counter[Reason] = Counter()
        self._said = -SAID_EVERY
        self.stopping = False
        telemetry.watch(lambda: self._admission.waiting)

    def adopt(self, keys: Keys, *, room: int, patience: Seconds) -> None:
        """Let in by these from now on."""
        self._keys = keys
        self._admission.room, self._admission.patience = room, patience

    def open(self) -> None:
        """Begin to watch how late the running loop is."""
        self._watch_lag(asyncio.get_running_loop())

    def close(self) -> None:
        """Watch no more, and dismiss those who wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for place in self._admission.dismiss():
            self._shed(place.payload, "stopping")
        self._report(self._clock())

    @property
    def crowded(self) -> bool:
        """Say whether anybody may be shed at present."""
        return self._admission.crowded

    def turn_away(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """Give the head and the body of what a request is told that is shed as it comes, None where it is not."""
        reason = self._admission.arrive(self._whose(scope), self._clock())
        return None if reason is None else self._told(scope, reason)

    def admit(self, request: Request) -> None:
        """Begin a request, let it wait, or shed it; `leave` must be told of its end, whichever it was."""
        now = self._clock()
        request.arrived = now
        request.key = key = self._whose(request.scope)
        admission = self._admission
        if (reason := admission.arrive(key, now)) is not None:
            self._shed(request, reason)
            return
        if admission.begin(key):
            self._begin(request)
        else:
            request.place, gone = admission.wait(key, request, now)
            if gone is not None:
                self._shed(gone.payload, "full")
        self._turn_soon()

    def leave(self, request: Request) -> None:
        """Take note that a request has ended, or that its caller left before it was begun."""
        if request.begun:
            request.begun = False
            self._admission.leave(request.key)
            if self._admission.waiting:
                self._turn_soon()
        elif request.place is not None:
            self._admission.forget(request.place)
            request.place = None

    def _begin(self, request: Request) -> None:
        request.begun, request.place = True, None
        request.begin()

    def _turn_soon(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Begin whose turn it is; the loop is told to say when they run, and when they have run."""
        self._turning = False
        begun = self._admission.turn(self._clock())
        if not begun:
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(self._mark)
        for place in begun:
            self._begin(place.payload)
        loop.call_soon(self._measure, len(begun))
        self._turn_soon()

    def _mark(self) -> None:
        self._marked = self._clock()

    def _measure(self, starts: int) -> None:
        self._admission.worked(self._clock() - self._marked, starts)

    def _whose(self, scope: Scope) -> str | None:
        try:
            caller = self._keys.check(scope)
        except GearshiftError:
            return STRANGERS
        return None if caller is None else caller.id

    def _shed(self, request: Request, reason: Reason) -> None:
        request.place = None
        request.refuse(*self._told(request.scope, reason))

    def _told(self, scope: Scope, reason: Reason) -> tuple[bytes, bytes]:
        """Count a request that is shed; give what it is told."""
        self._shed_now[reason] += 1
        return self._answer(scope, reason)

    def _answer(self, scope: Scope, reason: Reason) -> tuple[bytes, bytes]:
        """Give the answer to who is shed, made once for each protocol."""
        codec = paths.codec_of(scope)
        asked = codec.name, reason, next(self._retry), wants_array(scope)
        if (made := self._answers.get(asked)) is None:
            made = self._answers[asked] = _answer(codec, *asked[1:])
        return made

    def _watch_lag(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = self._clock() + LOOK
        self._timer = loop.call_later(LOOK, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = self._clock()
        lag = max(0.0, now - self._due)
        self._telemetry.lagged(lag)
        for place in self._admission.look(lag, now):
            self._shed(place.payload, "wait")
        self._report(now)
        self._watch_lag(loop)

    def _report(self, now: Seconds) -> None:
        """Count who was shed since the last look, and say so once in a while."""
        for reason, count in self._shed_now.items():
            self._telemetry.turned_away(reason, count)
        self._unsaid += self._shed_now
        self._shed_now.clear()
        if self._unsaid and now - self._said >= SAID_EVERY:
            self._said = now
            fields: dict[str, int] = {"in_flight": self._admission.in_flight, "waiting": self._admission.waiting}
            fields |= {f"shed_{reason}": count for reason, count in self._unsaid.items()}
            self._unsaid.clear()
            _log.warning("overloaded", extra={"fields": fields})


def _answer(codec: Voice, reason: Reason, retry_after: int, array: bool) -> tuple[bytes, bytes]:  # noqa: FBT001 - a fact
    """Make the answer to who is shed: its head, to which a field may be added, and its body."""
    if reason == "stopping":
        error: GearshiftError = ShuttingDown("the gateway is being stopped; try again")
    else:
        error = Overloaded(f"{_TOLD[reason]}; nothing was begun, try again in {retry_after} s")
    body = codec.encode_error(error)
    if array:
        body = b"[" + body + b"\n]"
    lines = (b"content-type: application/json", b"content-length: %d" % len(body), b"retry-after: %d" % retry_after)
    return STATUS_LINE[error.status] + b"\r\n".join(lines) + b"\r\n", body
