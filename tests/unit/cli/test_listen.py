from __future__ import annotations

import pytest

from gearshift.cli.listen import address, bind
from gearshift.errors import ConfigError


def test_a_free_port_is_taken_and_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_port_in_use_is_a_fault_that_says_what_to_do() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
            bind("127.0.0.1", port)


def test_a_host_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        bind("no.such.host.invalid", 0)
