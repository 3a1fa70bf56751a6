from __future__ import annotations

import signal
import socket

import pytest

from gearshift.cli.listen import SEND_BUFFER, Server, address, bind
from gearshift.errors import ConfigError
from gearshift.server.auth import Keys
from gearshift.server.gate import Gate
from gearshift.telemetry import Telemetry


def test_a_free_port_is_taken_and_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_the_kernel_holds_little_for_a_slow_reader() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER


def test_a_signal_makes_the_gateway_unready_at_once_and_a_second_one_ends_the_grace() -> None:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        """Answer nothing."""

    gate = Gate(Keys(()), Telemetry(), lambda: 0.0, room=1, patience=1)
    server = Server(app, gate, 30)  # type: ignore[arg-type]
    server.handle_exit(signal.SIGTERM, None)
    assert (gate.stopping, server.should_exit, server.force_exit) == (True, True, False)
    server.handle_exit(signal.SIGTERM, None)
    assert server.force_exit


def test_a_port_in_use_is_a_fault_that_says_what_to_do() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
            bind("127.0.0.1", port)


def test_a_host_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        bind("no.such.host.invalid", 0)
