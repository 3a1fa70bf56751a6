"""No cut of a stream, wherever it falls, looks like the end of the answer."""

from __future__ import annotations

from pathlib import Path

from tests.wall.sweep import RECORDED, cuttings, run_sweep
from tests.wall.tongues import PROTOCOLS

FAST_STEP = 701
"""Every 701st byte of each pair of protocols; `make faults` takes every 7th, and all of them over the pairs."""


def test_no_truncation_is_silent(tmp_path: Path) -> None:
    swept = run_sweep(tmp_path, cuttings(FAST_STEP))
    assert swept.lies == []
    assert swept.streams >= 1_000
    assert swept.rescued >= 0.9 * swept.with_fallback


def test_every_byte_is_cut_by_some_caller() -> None:
    cut = {(each.upstream, each.offset) for each in cuttings(7)}
    assert all((name, at) in cut for name in PROTOCOLS for at in range(len(RECORDED[name]) + 1))
    assert sum(1 for _ in cuttings(7)) >= 100_000


def test_pieces_of_any_size_are_no_different(tmp_path: Path) -> None:
    assert run_sweep(tmp_path, cuttings(9_001, sizes=(1, 100))).lies == []
