"""Switch artefacts and configs under a running gateway: what changes, what is refused, and that no request notices."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
import pytest

from gearshift.learning.artifact import TENSORS, Artifact, demo_path, read
from gearshift.learning.shelf import CURRENT, read_pointer
from tests.e2e.conftest import Gateway, clean_environment, serving

Run = Callable[..., subprocess.CompletedProcess[str]]
BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "What is 17 * 23?"}]})
HEADERS = {"content-type": "application/json", "x-gearshift-metadata": "enabled"}
SWITCH_SECONDS = 2.0
PATIENCE_SECONDS = 15.0
CONFIG = """
providers:
  demo: {{protocol: openai_chat, base_url: "{base_url}"}}
models:
  calc: {{capabilities: [], deployments: [{{provider: demo, price: {{input: 0.01, output: 0.02}}}}]}}
  docs: {{capabilities: [], deployments: [{{provider: demo, price: {{input: 0.01, output: 0.02}}}}]}}
routers:
  auto: {{candidates: [calc, docs], predictor: {predictor}, objective: {{willingness_to_pay: {dial}}}}}
"""


class Caller:
    """Ask one question after the other, from a thread, and keep what was answered."""

    def __init__(self, gateway: Gateway) -> None:
        self._place = urlsplit(gateway.url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers: list[tuple[float, int, str | None, str | None]] = []
        """When it was asked (seconds since the epoch), status, predictor, config."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=30)
        while not self._stop.is_set():
            asked = time.time()
            connection.request("POST", "/v1/chat/completions", BODY, HEADERS)
            response = connection.getresponse()
            answer = json.loads(response.read())
            decision = answer.get("gearshift", {}).get("decision") or {}
            self.answers.append((asked, response.status, decision.get("predictor"), decision.get("config")))
        connection.close()

    def statuses(self) -> set[int]:
        return {status for _, status, _, _ in self.answers}

    def predictors(self) -> list[str | None]:
        """Give the predictors in the order in which they decided."""
        found = [predictor for _, _, predictor, _ in self.answers]
        return [each for number, each in enumerate(found) if number == 0 or each != found[number - 1]]

    def wait_for(self, predictor: str) -> None:
        """Wait until `predictor` decides."""
        until(lambda: self.answers and self.answers[-1][2] == predictor)

    def seconds_until(self, predictor: str, since: float) -> float:
        """Give the seconds from `since` to the first request that `predictor` decided."""
        self.wait_for(predictor)
        return next(asked for asked, _, found, _ in self.answers if asked >= since and found == predictor) - since

    def settled(self) -> None:
        """Wait for a hundred more answers."""
        goal = len(self.answers) + 100
        until(lambda: len(self.answers) >= goal)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Give the base URL of the simulated models."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gearshift.simulate", "--models", "calc,docs"],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["base_url"]
    finally:
        process.stdin.close()  # which ends it
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()


@pytest.fixture
def versions(tmp_path: Path) -> list[str]:
    """Save three artefacts, `one`, `two` and `three`, in the folder of the test, and give their versions."""
    learned = read(demo_path())
    return [_save(learned, tmp_path / name) for name in ("one", "two", "three")]


def _save(learned: Artifact, folder: Path) -> str:
    named = msgspec.structs.replace(learned.manifest, quality=f"made for a test: {folder.name}")
    artifact = msgspec.structs.replace(learned, manifest=named)
    artifact.save(folder)
    return artifact.predictor().version


@pytest.fixture
def gateway(tmp_path: Path, upstream: str, versions: list[str]) -> Iterator[Gateway]:
    """Give a gateway that decides by the artefact `one`."""
    assert len(versions) == 3
    configure(tmp_path, upstream)
    with serving(tmp_path) as running:
        yield running


def configure(folder: Path, base_url: str, predictor: str = "one", dial: float = 0.002) -> None:
    text = CONFIG.format(base_url=base_url, predictor=predictor, dial=dial)
    (folder / "gearshift.yaml").write_text(text)


def metric(gateway: Gateway, name: str) -> float:
    place = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def logged(gateway: Gateway, event: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in list(gateway.lines) if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_a_promoted_artefact_decides_within_two_seconds_and_no_request_fails(
    gateway: Gateway, gearshift: Run, versions: list[str]
) -> None:
    one, two, three = versions
    pointer = gateway.folder / "one" / CURRENT
    with Caller(gateway) as caller:
        until(lambda: caller.answers)
        for name, version in (("two", two), ("three", three)):
            done = gearshift("promote", name, cwd=gateway.folder)
            assert done.returncode == 0, done.stderr
            assert version in done.stdout
            assert caller.seconds_until(version, pointer.stat().st_mtime) < SWITCH_SECONDS
        for version in (two, one):
            assert gearshift("rollback", cwd=gateway.folder).returncode == 0
            assert caller.seconds_until(version, pointer.stat().st_mtime) < SWITCH_SECONDS
        over = gearshift("rollback", cwd=gateway.folder)
        assert over.returncode == 1
        assert f"found no version before {one}" in over.stderr
        caller.settled()
    assert caller.statuses() == {200}
    assert caller.predictors() == [one, two, three, two, one]
    assert metric(gateway, "gearshift_reloads_total") == 4
    assert metric(gateway, "gearshift_reload_failures_total") == 0
    assert [line["predictors"] for line in logged(gateway, "reloaded")] == [
        {"auto": version} for version in (two, three, two, one)
    ]
    shelf = gateway.folder / "one"
    assert [switch.action for switch in read_pointer(shelf).history] == ["promote"] * 3 + ["rollback"] * 2
    assert {path.name for path in shelf.iterdir()} == {CURRENT, *versions}


def test_a_broken_artefact_is_refused_and_one_forced_onto_the_disk_too(
    gateway: Gateway, gearshift: Run, versions: list[str]
) -> None:
    one, two, _ = versions
    tensors = gateway.folder / "two" / TENSORS
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1])
    with Caller(gateway) as caller:
        until(lambda: caller.answers)
        done = gearshift("promote", "two", cwd=gateway.folder)
        assert done.returncode == 1
        assert "found SHA-256" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (gateway.folder / "one" / CURRENT).exists()
        tensors.write_bytes(whole)
        assert gearshift("promote", "two", cwd=gateway.folder).returncode == 0
        caller.wait_for(two)
        forced = gateway.folder / "one" / two / TENSORS
        forced.write_bytes(b"\0" * len(whole))
        until(lambda: logged(gateway, "reload_refused"))
        caller.settled()
        assert metric(gateway, "gearshift_reload_failures_total") == 1  # told once
        assert gearshift("rollback", cwd=gateway.folder).returncode == 0
        caller.wait_for(one)
        assert gearshift("promote", "two", cwd=gateway.folder).returncode == 0  # which mends its copy
        caller.settled()
        caller.wait_for(two)
    assert caller.statuses() == {200}
    assert caller.predictors() == [one, two, one, two]
    (refused,) = logged(gateway, "reload_refused")
    assert "found SHA-256" in str(refused["faults"])


def test_a_config_is_reloaded_and_a_bad_one_leaves_the_old_one_serving(
    gateway: Gateway, gearshift: Run, upstream: str, versions: list[str]
) -> None:
    file = gateway.folder / "gearshift.yaml"
    with Caller(gateway) as caller:
        until(lambda: caller.answers)
        first = caller.answers[0][3]
        file.write_text("providers: {demo: {protocol: smoke}}\n")
        until(lambda: logged(gateway, "reload_refused"))
        caller.settled()
        assert caller.answers[-1][3] == first
        configure(gateway.folder, upstream, predictor="shelf", dial=0.004)  # a folder that is not there yet
        until(lambda: len(logged(gateway, "reload_refused")) == 2)
        caller.settled()
        assert caller.answers[-1][3] == first
        assert gearshift("promote", "three", cwd=gateway.folder).returncode == 0
        caller.wait_for(versions[2])
        assert caller.answers[-1][3] != first
    assert caller.statuses() == {200}


def test_a_hangup_reloads_at_once(gateway: Gateway) -> None:
    before = metric(gateway, "gearshift_reloads_total")
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: metric(gateway, "gearshift_reloads_total") == before + 1)
    assert gateway.process.poll() is None
