"""Own what the kernel says of a process and its children: CPU time, memory, and the CPUs that they may use.

Invariant: what the machine does not tell is None, never 0. Source: proc(5), read 2026-11; on systems other
than Linux nothing is told.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from gearshift.types.catalog import Seconds

PROC: Final = Path("/proc")
_PARENT, _UTIME, _CSTIME, _RESIDENT = 1, 11, 14, 1
"""Places in /proc/<pid>/stat, counted from the field after the command's name, and in /proc/<pid>/statm."""


class Placement(Struct, frozen=True, kw_only=True):
    """Hold the CPUs for what is measured and for what measures; empty: wherever the kernel likes. `note` says why."""

    measured: frozenset[int] = frozenset()
    measuring: frozenset[int] = frozenset()
    note: str


def placement() -> Placement:
    """Give the measured process the first CPU and the measuring ones the second, where there are two to be had."""
    if not hasattr(os, "sched_setaffinity"):
        return Placement(note="not pinned: this system cannot pin processes to CPUs")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) == 1:
        return Placement(note="not pinned: one CPU, shared by the gateway, the upstream and the load generator")
    first, second = usable[:2]
    try:
        os.sched_setaffinity(0, usable)
    except OSError as error:
        return Placement(note=f"not pinned: {error.strerror}")
    note = f"pinned: gateway on CPU {first}, upstream and load generator on CPU {second}"
    return Placement(measured=frozenset({first}), measuring=frozenset({second}), note=note)


@contextmanager
def on(cpus: frozenset[int]) -> Generator[None, None, None]:
    """Start the block's child processes on `cpus` (empty: anywhere); until the block ends we run there too."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int, proc: Path = PROC) -> Seconds | None:
    """Give user and system time of `pid`, of its live descendants, and of its children that have ended."""
    members = _tree(pid, proc)
    times = [_stat(member, proc)[_UTIME : _CSTIME + 1] for member in members]
    ticks = sum(int(field) for fields in times for field in fields)
    return ticks / os.sysconf("SC_CLK_TCK") if members else None


def resident_bytes(pid: int, proc: Path = PROC) -> int | None:
    """Give the resident memory of `pid` and its live descendants; pages that they share count once for each."""
    members = _tree(pid, proc)
    pages = [_words(proc / str(member) / "statm") for member in members]
    return sum(int(fields[_RESIDENT]) for fields in pages if fields) * os.sysconf("SC_PAGE_SIZE") if members else None


def _tree(pid: int, proc: Path) -> list[int]:
    """Give `pid` and its live descendants; nothing when there is no such process, or no /proc."""
    parents = {int(each.name): _stat(int(each.name), proc) for each in proc.glob("[0-9]*")}
    members = [pid] if parents.get(pid) else []
    for member in members:  # grows while it is walked
        members += [each for each, fields in parents.items() if fields and int(fields[_PARENT]) == member]
    return members


def _stat(pid: int, proc: Path) -> list[str]:
    """Give the fields after the command's name, which may itself hold blanks and brackets."""
    return _words(proc / str(pid) / "stat", after=")")


def _words(path: Path, after: str = "") -> list[str]:
    """Read the words of a file; none when its process has ended."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text[text.rfind(after) + 1 if after else 0 :].split()
