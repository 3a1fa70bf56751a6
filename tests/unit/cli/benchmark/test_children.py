"""The child processes start, do their work, and end with their block."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gearshift.cli.benchmark.children import LoadGenerator, child, environment, start_generator, start_upstream
from gearshift.cli.benchmark.load import Job, Load, Target
from gearshift.errors import InternalError

ANYWHERE: frozenset[int] = frozenset()


def test_the_two_children_measure_each_other() -> None:
    with start_upstream(ANYWHERE) as port, start_generator(ANYWHERE) as generator:
        target = Target(name="direct", port=port)
        for kind in ("plain", "paced"):
            found = generator.run(Job(target=target, load=Load(kind=kind, connections=4), seconds=0.1))
            assert (found.errors, found.fault) == (0, None)
            assert found.requests >= 4


def test_a_child_ends_with_its_block() -> None:
    with child([sys.executable, "-c", "input()"], cpus=ANYWHERE) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_a_child_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.cli.benchmark.children.STOP_TIMEOUT", 0.1)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with child([sys.executable, "-c", deaf], cpus=ANYWHERE) as process:
        assert process.stdout is not None
        process.stdout.readline()
    assert process.returncode == -9


def test_output_can_be_thrown_away() -> None:
    with child([sys.executable, "-c", "print(1)"], cpus=ANYWHERE, output=subprocess.DEVNULL) as process:
        assert process.stdout is None
        process.wait()


def test_a_generator_that_died_is_an_error() -> None:
    job = Job(target=Target(name="x", port=1), load=Load(kind="plain", connections=1), seconds=1)
    with child([sys.executable, "-c", ""], cpus=ANYWHERE) as process, pytest.raises(InternalError, match="its stderr"):
        LoadGenerator(process).run(job)


def test_children_keep_byte_code_and_see_no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("GEARSHIFT__SERVER__PORT", "1")
    found = environment({"MORE": "1"})
    assert found["MORE"] == "1"
    assert "PATH" in found
    assert not {"PYTHONDONTWRITEBYTECODE", "GEARSHIFT__SERVER__PORT"} & found.keys()
