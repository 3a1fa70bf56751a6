from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gearshift.server.gate import ARRIVED
from gearshift.server.guest import Guest


class Host:
    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []

    def begin(self, guest: Guest | None, cycle: RequestResponseCycle) -> None:
        self.did.append(("begin", guest, cycle))

    def refuse(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        self.did.append(("refuse", cycle, head, body))


def test_a_guest_goes_on_by_its_connection_and_tells_when_it_came() -> None:
    host, cycle = Host(), cast("RequestResponseCycle", SimpleNamespace(scope={"path": "/"}))
    guest = Guest(host, cycle)
    guest.arrived = 7.0
    guest.begin()
    assert guest.scope == {"path": "/", ARRIVED: 7.0}
    guest.refuse(b"head", b"body")
    assert host.did == [("begin", guest, cycle), ("refuse", cycle, b"head", b"body")]
