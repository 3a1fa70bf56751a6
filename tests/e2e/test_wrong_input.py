"""Show what a user sees who gets it wrong: each fault named, nothing half started, the gateway alive."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Gateway

Run = Callable[..., subprocess.CompletedProcess[str]]

TEN_FAULTS = """
server: {host: 0.0.0.0, port: 70000, keyz: []}
store: mysql://somewhere
providers:
  lab: {protocol: smoke_signals, base_url: "ftp://lab", key: sk-literal-secret-123}
models:
  small:
    context_window: many
    capabilities: [telepathy]
    deployments: [{provider: lob, price: {input: -1, output: 0.4}}]
routers:
  auto: {candidates: [smal], objective: {at_least: {model: huge}}}
  canary: {weights: {small: -0.5}}
reliability: {deadline: soon}
"""


def post(gateway: Gateway, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, dict[str, object]]:
    place = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())["error"]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "JSON"),
        (b"[]", 400, "object"),
        (b'{"model": 5, "messages": []}', 400, "model"),
        (b'{"model": "auto", "messages": "hello"}', 400, "messages"),
        (b'{"model": "auto", "messages": []}', 400, "messages"),
        (b'{"model": "auto", "messages": [{"role": "user", "content": 7}]}', 400, "messages[0].content"),
        (b'{"model": "autto", "messages": [{"role": "user", "content": "x"}]}', 404, "auto"),
        (b"\xff\xfe\x00", 400, ""),
        (b'{"model": "auto", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "messages": []}', 400, "deep"),
    ],
)
def test_bad_bodies_are_clear_errors(demo_gateway: Gateway, body: bytes, status: int, said: str) -> None:
    found, error = post(demo_gateway, body)
    assert found == status
    assert set(error) >= {"message", "type", "param", "code"}
    assert said in str(error["message"])


def test_a_body_too_large_is_refused_before_it_is_read(demo_gateway: Gateway) -> None:
    place = urlsplit(demo_gateway.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("content-length", str(33 * 1024 * 1024))
    connection.endheaders()  # and not a byte of the body
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "request_too_large"
    connection.close()


def test_every_fault_of_a_config_is_reported_at_once(tmp_path: Path, gearshift: Run) -> None:
    (tmp_path / "gearshift.yaml").write_text(TEN_FAULTS)
    for command, code in ((("check",), 3), (("serve", "--port", "0"), 1)):
        done = gearshift(*command, cwd=tmp_path)
        assert done.returncode == code
        faults = [line for line in done.stderr.splitlines() if line.startswith("  - ")]
        assert len(faults) >= 10, done.stderr
        assert "sk-literal-secret-123" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "gearshift.db").exists()


def test_a_port_in_use_is_said_plainly(demo_gateway: Gateway, tmp_path: Path, gearshift: Run) -> None:
    port = str(urlsplit(demo_gateway.url).port)
    done = gearshift("serve", "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("serve", "--config", "nowhere.yaml"), 1, "nowhere.yaml"),
        (("route",), 2, "prompt"),
        (("frobnicate",), 2, "frobnicate"),
        (("train", "--data", "nowhere.parquet", "--out", "x"), 1, "nowhere.parquet"),
        (("evaluate", "--artifact", "nowhere", "--data", "nowhere.parquet"), 1, "nowhere"),
        (("export", "--out", "log.csv"), 1, ".parquet"),
        (("export", "--out", "log.jsonl", "--since", "yesterday"), 1, "7d"),
    ],
)
def test_wrong_commands_say_what_to_do(
    tmp_path: Path, gearshift: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = gearshift(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
