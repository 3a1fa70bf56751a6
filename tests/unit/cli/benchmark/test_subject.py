"""The gateway under test has everything on, and says why when it does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gearshift.cli.benchmark.children import child
from gearshift.cli.benchmark.subject import await_answer, config, free_port, start_gateway, tail
from gearshift.config import from_mapping
from gearshift.errors import UpstreamUnreachable

ANYWHERE: frozenset[int] = frozenset()


def test_the_config_is_valid_and_routes_among_five(tmp_path: Path) -> None:
    found = from_mapping(config(1, 2, tmp_path), source="bench", environ={})
    router = found.routers["auto"]
    assert router.predictor == "builtin"
    assert router.candidates is not None
    assert len(router.candidates) == len(found.models) == 5
    assert found.ledger_path.parent == tmp_path
    assert not found.logging.content


def test_the_gateway_gets_ready_and_its_start_is_measured(tmp_path: Path) -> None:
    with start_gateway(free_port(), tmp_path, ANYWHERE, keep_log=True) as started:
        assert started.ready_s > 0
        assert started.idle_bytes is None or started.idle_bytes > 1_000_000


def test_a_gateway_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.cli.benchmark.subject.config", lambda *_: {"nonsense": 1})
    starting = start_gateway(free_port(), tmp_path, ANYWHERE, keep_log=True)
    with pytest.raises(UpstreamUnreachable, match=r"gearshift serve.*\n(.*\n)*.*nonsense"), starting:
        pass


def test_a_process_that_ends_is_not_waited_for() -> None:
    ends = child([sys.executable, "-c", "raise SystemExit(3)"], cpus=ANYWHERE)
    with ends as process, pytest.raises(UpstreamUnreachable, match="exit code 3"):
        await_answer(process, free_port(), "/", 30)


def test_a_process_that_never_answers_is_given_up() -> None:
    silent = child([sys.executable, "-c", "input()"], cpus=ANYWHERE, output=subprocess.DEVNULL)
    with silent as process, pytest.raises(UpstreamUnreachable, match="not ready after"):
        await_answer(process, free_port(), "/", 0)


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    assert tail(log, 2) == "\n  | line 18\n  | line 19"
