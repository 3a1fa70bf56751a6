"""Own a request on its way through the gate: what the gate knows of it, and how its connection goes on with it."""

from __future__ import annotations

from typing import Protocol, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gearshift.server.admission import Waiting
from gearshift.server.asgi import Scope
from gearshift.server.gate import ARRIVED, Request
from gearshift.types.catalog import Seconds


class Host(Protocol):
    """Be the connection that a request came by."""

    def begin(self, guest: Guest | None, cycle: RequestResponseCycle) -> None: ...  # noqa: D102
    def refuse(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None: ...  # noqa: D102


class Guest:
    """Be a request at the gate (`gate.Request`)."""

    __slots__ = ("_connection", "_cycle", "arrived", "begun", "key", "place")

    def __init__(self, connection: Host, cycle: RequestResponseCycle) -> None:
        """Take the request that the connection has the head of."""
        self._connection = connection
        self._cycle = cycle
        self.arrived: Seconds = 0.0
        self.key: str | None = None
        self.place: Waiting[Request] | None = None
        self.begun = False

    @property
    def scope(self) -> Scope:
        """Give what its head says."""
        return self._cycle.scope

    def begin(self) -> None:
        """Hand it over to the app."""
        cast("dict[str, object]", self._cycle.scope)[ARRIVED] = self.arrived
        self._connection.begin(self, self._cycle)

    def refuse(self, head: bytes, body: bytes) -> None:
        """Answer it here."""
        self._connection.refuse(self._cycle, head, body)
