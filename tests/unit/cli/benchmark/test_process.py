"""What the kernel says of a process tree, read from a made-up /proc and from the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gearshift.cli.benchmark.process import cpu_seconds, on, placement, resident_bytes

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def add(proc: Path, pid: int, parent: int, times: tuple[int, int, int, int], pages: int) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    numbers = " ".join(str(number) for number in times)
    # The command's name may hold anything.
    (folder / "stat").write_text(f"{pid} (a) b (c)) S {parent} 1 1 0 -1 0 0 0 0 0 {numbers} 20 0 1 0 99 1000 10\n")
    (folder / "statm").write_text(f"1000 {pages} 5 1 0 90 0\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    add(tmp_path, 10, 1, (1, 2, 4, 8), 100)
    add(tmp_path, 11, 10, (16, 0, 0, 0), 10)
    add(tmp_path, 12, 11, (32, 0, 0, 0), 1)
    add(tmp_path, 13, 1, (640, 0, 0, 0), 1000)
    (tmp_path / "14").mkdir()  # has just ended
    (tmp_path / "self").mkdir()
    return tmp_path


def test_the_time_of_a_tree_is_its_own_its_descendants_and_its_ended_childrens(proc: Path) -> None:
    assert cpu_seconds(10, proc) == (1 + 2 + 4 + 8 + 16 + 32) / TICKS
    assert cpu_seconds(12, proc) == 32 / TICKS


def test_the_memory_of_a_tree_is_the_sum(proc: Path) -> None:
    assert resident_bytes(10, proc) == 111 * PAGE


def test_what_is_not_there_is_unknown(proc: Path, tmp_path: Path) -> None:
    assert cpu_seconds(99, proc) is None
    assert resident_bytes(14, proc) is None
    assert cpu_seconds(10, tmp_path / "none") is None


def test_our_own_process_uses_time_and_memory() -> None:
    time, memory = cpu_seconds(os.getpid()), resident_bytes(os.getpid())
    assert time is not None
    assert time > 0
    assert memory is not None
    assert memory > 1_000_000


def test_two_cpus_are_shared_out_and_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    usable: set[int] = {5, 3}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: usable)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _pid, _cpus: None)
    found = placement()
    assert (found.measured, found.measuring) == (frozenset({3}), frozenset({5}))
    usable.remove(5)
    assert (placement().measured, placement().measuring) == (frozenset(), frozenset())


def test_a_refusal_to_pin_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _cpus: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert placement().note == "not pinned: Operation not permitted"


def test_a_system_that_cannot_pin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity")
    assert placement().note.startswith("not pinned")


def test_pinning_ends_with_its_block() -> None:
    before = os.sched_getaffinity(0)
    one = frozenset({min(before)})
    with on(one):
        assert os.sched_getaffinity(0) == one
    assert os.sched_getaffinity(0) == before
    with on(frozenset()):
        assert os.sched_getaffinity(0) == before
