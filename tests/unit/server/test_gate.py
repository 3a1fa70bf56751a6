"""The gate: what is begun in which turn, what a shed request is told, and what is counted and said."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine

import pytest

from gearshift.server import gate as gate_module
from gearshift.server.admission import FEW, STARTS, Waiting
from gearshift.server.asgi import Scope
from gearshift.server.auth import Keys
from gearshift.server.gate import RETRY_AFTER, Gate, Request
from gearshift.telemetry import Telemetry
from tests.fakes.house import CHAT, metric

PATHS = {
    CHAT: lambda body: body["error"]["code"],
    "/v1/responses": lambda body: body["error"]["code"],
    "/v1/messages": lambda body: body["error"]["type"],
    "/v1/embeddings": lambda body: body["error"]["code"],
    "/v1beta/models/m:generateContent": lambda body: body["error"]["status"],
    "/v1beta/models/m:streamGenerateContent": lambda body: body[0]["error"]["status"],
}


class Caller:
    """Be a request that notes what became of it."""

    def __init__(self, path: str = CHAT, key: str = "") -> None:
        headers = [(b"authorization", b"Bearer " + key.encode())] if key else []
        self.scope: Scope = {"type": "http", "path": path, "query_string": b"", "headers": headers}
        self.arrived = 0.0
        self.key: str | None = None
        self.place: Waiting[Request] | None = None
        self.begun = False
        self.told: tuple[bytes, bytes] | None = None

    def begin(self) -> None:
        pass

    def refuse(self, head: bytes, body: bytes) -> None:
        self.told = head, body


class Doorman:
    """Hold a gate, its clock and its metrics."""

    def __init__(self, room: int, *keys: str) -> None:
        self.now = 100.0
        self.telemetry = Telemetry()
        self.gate = Gate(Keys(keys), self.telemetry, lambda: self.now, room=room, patience=0.2)

    def crowd(self, count: int, key: str = "") -> list[Caller]:
        callers = [Caller(key=key) for _ in range(count)]
        for caller in callers:
            self.gate.admit(caller)
        return callers


async def turns(count: int = 40) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def run(scene: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(scene())


def test_a_crowd_is_begun_turn_by_turn_and_all_of_it() -> None:
    async def scene() -> None:
        door = Doorman(100)
        callers = door.crowd(20)
        at_once = sum(caller.begun for caller in callers)
        await turns()
        assert at_once <= STARTS
        assert all(caller.begun and caller.arrived == 100.0 for caller in callers)

    run(scene)


def test_who_leaves_makes_room_for_who_waits() -> None:
    async def scene() -> None:
        door = Doorman(2)
        first, _ = door.crowd(2)
        await turns()
        second, third = door.crowd(2)
        await turns()
        assert (first.begun, second.begun) == (True, False)
        assert metric(door.telemetry, "gearshift_waiting") == 2
        door.gate.leave(second)
        door.gate.leave(first)
        await turns()
        assert (second.begun, third.begun) == (False, True)
        assert metric(door.telemetry, "gearshift_waiting") == 0

    run(scene)


@pytest.mark.parametrize("path", PATHS)
def test_who_is_shed_is_told_so_in_its_protocol_with_a_time_to_come_back(path: str) -> None:
    async def scene() -> None:
        door = Doorman(FEW)
        door.crowd(FEW + 1)
        await turns()
        door.now += 1
        head, body = door.gate.turn_away({"path": path, "query_string": b"", "headers": []}) or (b"", b"")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"content-length: %d\r\n" % len(body) in head
        assert any(b"retry-after: %d\r\n" % seconds in head for seconds in RETRY_AFTER)
        said = PATHS[path](json.loads(body))
        assert said in {"overloaded", "overloaded_error", "api_error", "UNAVAILABLE"}

    run(scene)


def test_those_who_are_shed_together_are_not_told_to_come_back_together() -> None:
    async def scene() -> None:
        door = Doorman(FEW)
        door.crowd(FEW + 1)
        await turns()
        door.now += 1
        heads = {(door.gate.turn_away(Caller().scope) or (b"", b""))[0] for _ in range(6)}
        assert len(heads) == len(RETRY_AFTER)

    run(scene)


def test_one_key_s_flood_is_shed_while_another_key_is_let_in() -> None:
    async def scene() -> None:
        door = Doorman(FEW, "sk-flood", "sk-quiet")
        door.crowd(FEW + 10, "sk-flood")
        await turns()
        door.now += 1
        (flood,) = door.crowd(1, "sk-flood")
        (quiet,) = door.crowd(1, "sk-quiet")
        await turns()
        assert flood.told is not None
        assert quiet.told is None
        assert quiet.begun

    run(scene)


def test_unknown_keys_share_one_line() -> None:
    async def scene() -> None:
        door = Doorman(10, "sk-known")
        first, second = Caller(key="sk-a"), Caller(key="sk-b")
        door.gate.admit(first)
        door.gate.admit(second)
        assert first.key == second.key == gate_module.STRANGERS

    run(scene)


def test_who_waited_too_long_is_shed_counted_and_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "LOOK", 0.001)

    async def scene() -> None:
        door = Doorman(FEW)
        callers = door.crowd(FEW)
        await turns()
        callers += door.crowd(2)
        door.gate.open()
        door.now += 1
        async with asyncio.timeout(3):
            while not all(caller.begun or caller.told for caller in callers):  # noqa: ASYNC110 - by timers
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        door.gate.close()
        assert metric(door.telemetry, "gearshift_turned_away_total", reason="wait") == 2
        lines = [record for record in caplog.records if record.getMessage() == "overloaded"]
        assert [line.fields for line in lines] == [{"in_flight": FEW, "waiting": 0, "shed_wait": 2}]  # type: ignore[attr-defined]
        assert (metric(door.telemetry, "gearshift_loop_lag_seconds_count") or 0) > 0

    with caplog.at_level(logging.WARNING):
        run(scene)


def test_a_gate_that_closes_dismisses_those_who_wait() -> None:
    async def scene() -> None:
        door = Doorman(1)
        callers = door.crowd(2)
        await turns()
        door.gate.close()
        assert callers[0].told is None
        assert callers[1].told is not None
        assert b'"shutting_down"' in callers[1].told[1]
        assert metric(door.telemetry, "gearshift_turned_away_total", reason="stopping") == 1

    run(scene)


def test_other_bounds_hold_from_the_next_request_on() -> None:
    async def scene() -> None:
        door = Doorman(1)
        door.crowd(1)
        door.gate.adopt(Keys(["sk-new"]), room=2, patience=0.2)
        (caller,) = door.crowd(1, "sk-new")
        await turns()
        assert caller.begun
        assert caller.key not in {None, gate_module.STRANGERS}

    run(scene)
