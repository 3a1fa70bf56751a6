"""The comparison's arithmetic and words, and a peer that is not to be had; the measuring itself is opt-in."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from gearshift.cli.benchmark.load import Slice
from gearshift.cli.benchmark.run import DIRECT, GEARSHIFT
from tools import bench_peers
from tools.bench_peers import BAR_LOAD, LOADS, PEERS, Comparison, Peer, Skipped, install, met, render, start

LITELLM = PEERS[0]


def piece(requests: int, cpu: float | None = None) -> Slice:
    return Slice(
        requests=requests,
        errors=0,
        fault=None,
        elapsed_s=1,
        p50_s=0.001,
        p95_s=0.001,
        p99_s=0.001,
        first_p50_s=0.001,
        events=0,
        cpu_s=cpu,
    )


def compared(theirs: int) -> Comparison:
    slices = {}
    for load in LOADS:
        slices[DIRECT, load] = [piece(20_000)]
        slices[GEARSHIFT, load] = [piece(2_500, cpu=0.5)]
        slices[LITELLM.name, load] = [piece(theirs, cpu=0.8)]
    return Comparison(slices=slices, peers=(LITELLM,), skipped={"portkey": "npm is not installed here"})


def peer(**changes: object) -> Peer:
    fields = {name: getattr(LITELLM, name) for name in LITELLM.__struct_fields__} | {"name": "fake"} | changes
    return Peer(**fields)


@pytest.mark.parametrize(("theirs", "verdict"), [(100, "met"), (101, "missed")])
def test_the_bar_is_a_ratio_of_requests_per_second(theirs: int, verdict: str) -> None:
    found = compared(theirs)
    assert met(found.slices, LITELLM) == (verdict == "met")
    assert f"{BAR_LOAD.name}: {2500 / theirs:.1f} x the req/s of litellm" in render(found)
    assert f"bar 25: {verdict}." in render(found)


def test_advantages_and_absences_are_told() -> None:
    text = render(compared(100))
    assert "portkey: skipped: npm is not installed here" in text
    assert "| plain x 32 | 25.0, 40.0 |" in text  # times the requests, and 8000 us against 200 us


def test_a_peer_whose_tool_is_missing_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(Skipped, match="no-such-program is not installed"):
        install(peer(needs="no-such-program"), tmp_path / "home")


def test_a_peer_that_does_not_install_is_skipped_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_peers, "ROOT", tmp_path)
    fails = (sys.executable, "-c", "import sys; sys.exit('no such {version}')")
    with pytest.raises(Skipped, match=r"ended with 1: no such 1\.0"):
        install(peer(needs="sh", version="1.0", install=fails), tmp_path / "home")


def test_a_peer_that_does_not_start_is_skipped_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_peers, "HOMES", tmp_path)
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "there").touch()
    ends = (sys.executable, "-c", "print('no config'); raise SystemExit(4)")
    with ExitStack() as stack, pytest.raises(Skipped, match=r"exit code 4 (.*\n)*.*no config"):
        start(peer(program="there", command=ends), 1, stack, frozenset())


def test_the_set_ups_that_peers_name_are_there() -> None:
    for each in PEERS:
        for file in each.files:
            assert (bench_peers.SETUPS / file).is_file()
    assert (bench_peers.SETUPS / "litellm.yaml").is_file()
