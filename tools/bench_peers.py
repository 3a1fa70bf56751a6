"""Measure Gearshift beside other gateways: one run, one upstream, one load generator, all targets in turn.

Opt-in (`make bench-peers`): each peer is installed from its registry into `.bench/`, about 600 MB, when it is not there
yet. A peer that cannot be installed or started is skipped, saying why. What each is given, and why, is `PEERS` below.
The method, and what a ratio does and does not say: `docs/reference/benchmarks.md`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from gearshift.cli.benchmark.children import child, environment, start_generator, start_upstream
from gearshift.cli.benchmark.load import HOST, Load, Target
from gearshift.cli.benchmark.process import Placement, placement
from gearshift.cli.benchmark.report import Figures, compare, ratio
from gearshift.cli.benchmark.rounds import Slices, run, schedule, warm_up
from gearshift.cli.benchmark.run import DIRECT, GEARSHIFT, describe_machine, shown
from gearshift.cli.benchmark.subject import await_answer, free_port, start_gateway, tail
from gearshift.cli.benchmark.table import describe, faults, number, place, table
from gearshift.errors import UpstreamUnreachable

ROOT: Final = Path(__file__).resolve().parents[1]
SETUPS: Final = ROOT / "tools" / "peers"
HOMES: Final = ROOT / ".bench"
LOADS: Final = (
    Load(kind="plain", connections=1),
    Load(kind="plain", connections=32),
    Load(kind="burst", connections=8),
    Load(kind="paced", connections=32),
)
BAR_LOAD: Final = LOADS[1]
INSTALL_TIMEOUT: Final = 1200
START_TIMEOUT: Final = 150


class Peer(Struct, frozen=True, kw_only=True):
    """Hold how a peer is installed and started. `{home}`, `{port}`, `{upstream}` and `{setups}` are filled in.

    `files` are copied from tools/peers into its home before `install` runs; `program` exists once it is installed.
    `at_least`: how many times its requests per second Gearshift is to have.
    """

    name: str
    version: str
    needs: str
    files: tuple[str, ...] = ()
    install: tuple[str, ...]
    program: str
    command: tuple[str, ...]
    env: dict[str, str] = {}
    headers: dict[str, str] = {}
    ready: str
    at_least: float


PEERS: Final = (
    Peer(
        name="litellm",
        version="1.106.2",
        needs=sys.executable,
        install=("{home}/bin/python", "-m", "pip", "install", "--quiet", "litellm[proxy]=={version}"),
        program="bin/litellm",
        command=(
            "{program}",
            "--config",
            "{setups}/litellm.yaml",
            "--host",
            HOST,
            "--port",
            "{port}",
            "--num_workers",
            "1",
        ),
        env={
            "BENCH_UPSTREAM": "{upstream}",
            # 1.106 does not start without a master key unless told so.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_TELEMETRY": "False",
        },
        ready="/health/liveliness",
        at_least=25,
    ),
    Peer(
        name="portkey",
        version="1.15.2",
        needs="npm",
        # package.json pins @hono/node-server 1.14.0: with 1.19.19 every stream of 1.15.2 is a 500 (seen 2026-11).
        files=("package.json",),
        install=("npm", "install", "--no-audit", "--no-fund", "--silent"),
        program="node_modules/@portkey-ai/gateway/build/start-server.js",
        command=("node", "{program}", "--port={port}", "--headless"),
        # Without this it refuses an upstream on the loopback.
        env={"TRUSTED_CUSTOM_HOSTS": HOST},
        headers={"x-portkey-provider": "openai", "x-portkey-custom-host": "{upstream}"},
        ready="/",
        at_least=5,
    ),
)


class Skipped(Exception):
    """Say why a peer is left out."""


class Comparison(Struct, frozen=True, kw_only=True):
    """Hold a run: its slices, the peers that took part, and why others did not."""

    slices: Slices
    peers: tuple[Peer, ...]
    skipped: dict[str, str]


def install(peer: Peer, home: Path) -> None:
    """Make sure that `peer` is in `home`; raise Skipped when it cannot be had."""
    if (home / peer.program).exists():
        return
    if shutil.which(peer.needs) is None:
        raise Skipped(f"{peer.needs} is not installed here")
    print(f"{peer.name}: installing {peer.version} into {home.relative_to(ROOT)}", file=sys.stderr)
    if peer.needs == sys.executable:
        venv.create(home, with_pip=True)
    home.mkdir(parents=True, exist_ok=True)
    for file in peer.files:
        shutil.copy(SETUPS / file, home)
    command = [each.format(home=home, version=peer.version) for each in peer.install]
    try:
        done = subprocess.run(  # noqa: S603 - the commands of PEERS
            command, cwd=home, env=environment(), capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Skipped(f"installing took more than {INSTALL_TIMEOUT} s") from error
    if done.returncode:
        raise Skipped(f"installing ended with {done.returncode}: {_last_line(done.stderr or done.stdout)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:200]


def start(peer: Peer, upstream_port: int, stack: ExitStack, cpus: frozenset[int]) -> Target:
    """Install and run `peer` for as long as `stack` is open; raise Skipped when it does not get ready."""
    home, port = HOMES / peer.name, free_port()
    install(peer, home)
    fill = {
        "home": str(home),
        "program": str(home / peer.program),
        "port": str(port),
        "setups": str(SETUPS),
        "upstream": f"http://{HOST}:{upstream_port}/v1",
    }
    command = [each.format_map(fill) for each in peer.command]
    env = {name: value.format_map(fill) for name, value in peer.env.items()}
    log = stack.enter_context((home / "bench.log").open("wb"))
    process = stack.enter_context(child(command, cpus=cpus, output=log, env=env, cwd=home))
    try:
        await_answer(process, port, peer.ready, START_TIMEOUT)
    except UpstreamUnreachable as error:
        raise Skipped(f"{error.message}{tail(home / 'bench.log')}") from error
    headers = {name: value.format_map(fill) for name, value in peer.headers.items()}
    return Target(name=peer.name, port=port, pid=process.pid, headers=headers)


def measure(peers: Sequence[Peer], spot: Placement, rounds: int, seconds: float) -> Comparison:
    """Measure a direct call, Gearshift and every peer that can be run here, in turn."""
    with ExitStack() as stack:
        upstream_port = stack.enter_context(start_upstream(spot.measuring))
        generator = stack.enter_context(start_generator(spot.measuring))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gearshift-bench-")))
        gateway = stack.enter_context(start_gateway(upstream_port, folder, spot.measured))
        targets = [
            Target(name=DIRECT, port=upstream_port),
            Target(name=GEARSHIFT, port=gateway.port, pid=gateway.pid),
        ]
        skipped: dict[str, str] = {}
        for peer in peers:
            try:
                targets.append(start(peer, upstream_port, stack, spot.measured))
            except Skipped as why:
                skipped[peer.name] = str(why)
        run(warm_up(targets), generator.run)
        slices = run(shown(schedule(targets, LOADS, rounds, seconds)), generator.run)
    there = tuple(peer for peer in peers if peer.name not in skipped)
    return Comparison(slices=slices, peers=there, skipped=skipped)


def render(found: Comparison) -> str:
    """Give the figures, the bars and what was skipped as Markdown."""
    names = (DIRECT, GEARSHIFT, *(peer.name for peer in found.peers))
    figures = {
        (load, name): compare(load, found.slices[DIRECT, load], found.slices[name, load])
        for load in LOADS
        for name in names
    }
    head = ("load", "target", "added p50 ms", "added TTFT ms", "p99 ms", "req/s", "CPU us/req", "CPU us/event")
    rows = [_row(load.name, name, each) for (load, name), each in figures.items()]
    parts = [
        table(head, rows),
        "Gearshift has so many times the requests per second, for so many times less CPU a request:",
        table(("load", *(peer.name for peer in found.peers)), [_times(found, load, figures) for load in LOADS]),
        *(_verdict(found.slices, peer) for peer in found.peers),
        *(f"{name}: skipped: {why}" for name, why in found.skipped.items()),
        *(faults(name, [each]) for (_, name), each in figures.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def _row(load: str, name: str, figures: Figures) -> list[str]:
    own = name != DIRECT
    return [
        load,
        name,
        number(figures.added_p50_s if own else None, 1e3),
        number(figures.added_first_p50_s if own else None, 1e3),
        number(figures.p99_s, 1e3),
        number(figures.per_second),
        number(figures.cpu_per_request_s, 1e6),
        number(figures.cpu_per_event_s, 1e6),
    ]


def _times(found: Comparison, load: Load, figures: Mapping[tuple[Load, str], Figures]) -> list[str]:
    """Give Gearshift's advantage over each peer under one load."""
    cells = [load.name]
    for peer in found.peers:
        faster = ratio(found.slices[GEARSHIFT, load], found.slices[peer.name, load])
        theirs, ours = (figures[load, name].cpu_per_request_s for name in (peer.name, GEARSHIFT))
        cells.append(f"{number(faster)}, {number(theirs / ours if theirs and ours else None)}")
    return cells


def met(slices: Slices, peer: Peer) -> bool:
    """Say whether Gearshift has `peer.at_least` times the peer's requests per second."""
    return (ratio(slices[GEARSHIFT, BAR_LOAD], slices[peer.name, BAR_LOAD]) or 0) >= peer.at_least


def _verdict(slices: Slices, peer: Peer) -> str:
    times = number(ratio(slices[GEARSHIFT, BAR_LOAD], slices[peer.name, BAR_LOAD]))
    verdict = "met" if met(slices, peer) else "missed"
    return f"{BAR_LOAD.name}: {times} x the req/s of {peer.name} {peer.version}; bar {peer.at_least:g}: {verdict}."


def main(arguments: Sequence[str]) -> int:
    """Measure and print; give the exit code: 0, or 3 when `--check` finds a bar missed."""
    parser = argparse.ArgumentParser(prog="make bench-peers ARGS=...", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="slices of each load and target (3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a slice (1.0)")
    parser.add_argument("--only", choices=[peer.name for peer in PEERS], action="append", help="this peer; repeatable")
    parser.add_argument("--markdown", type=Path, help="write the figures into this page too")
    parser.add_argument("--check", action="store_true", help="exit with 3 when a bar is missed")
    options = parser.parse_args(arguments)
    peers = [peer for peer in PEERS if not options.only or peer.name in options.only]
    spot = placement()
    found = measure(peers, spot, options.rounds, options.seconds)
    text = f"{describe(describe_machine(spot, options.rounds, options.seconds))}\n\n{render(found)}"
    if options.markdown:
        page = place(options.markdown.read_text(encoding="utf-8"), "make bench-peers", text)
        options.markdown.write_text(page, encoding="utf-8")
    print(text)
    return 3 if options.check and not all(met(found.slices, peer) for peer in found.peers) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
