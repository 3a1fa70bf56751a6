"""Planted secrets and prompts turn up nowhere: not in logs, metrics, errors, lists, exports, nor in any file."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Gateway, serving
from tests.fakes.upstream import ScriptedUpstream, answers, refuses, sends, stream_events

PROVIDER = "sk-canary-provider-7f3a9c"
ADMIN = "canary-admin-51d2e8"
PROMPT = "canary-prompt-c0ffee11"
ENVIRON = {"LAB_KEY": PROVIDER, "GEARSHIFT_ADMIN_KEY": ADMIN}
CHATTY = refuses(401, f"Incorrect API key provided: {PROVIDER}; your prompt was {PROMPT}")
Run = Callable[..., subprocess.CompletedProcess[str]]


def config(base_url: str) -> str:
    price = {"input": 1, "output": 2}
    return json.dumps(
        {
            "server": {"admin_key": "env:GEARSHIFT_ADMIN_KEY"},
            "providers": {"lab": {"protocol": "openai_chat", "base_url": base_url, "key": "env:LAB_KEY"}},
            "models": {"small": {"deployments": [{"provider": "lab", "price": price}]}},
        }
    )


def fetch(url: str, key: str, body: object = None) -> str:
    """Ask; give the body, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as reply:  # noqa: S310 - ours
            return f"{reply.headers}{reply.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}{error.read().decode()}"


def talk(gateway: Gateway) -> tuple[str, list[str]]:
    """Use the gateway in every way; give the key that was made, and all that was said."""
    root, said = gateway.url, []
    key = json.loads(fetch(f"{root}/admin/v1/keys", ADMIN, {"name": "canary"}).rpartition("\n")[2])["key"]
    body = {"model": "small", "messages": [{"role": "user", "content": PROMPT}]}
    turns: list[dict[str, object]] = [{}, {"stream": True}, {"tools": 5}, {"model": "unknown"}, {}, {}]
    said += [fetch(f"{root}/v1/chat/completions", key, {**body, **more}) for more in turns]
    assert "Hel" in said[0] + said[1]
    said.append(fetch(f"{root}/v1/chat/completions", "sk-wrong", body))
    pages = ("keys", "exchanges", "usage", "deployments", "routers", "config", "audit", "budgets")
    said += [fetch(f"{root}/admin/v1/{page}", ADMIN) for page in pages]
    said += [fetch(f"{root}{page}", key) for page in ("/metrics", "/readyz", "/v1/models", "/openapi.json")]
    return key, said


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    upstream = ScriptedUpstream(answers(), sends(*stream_events("Hel", "lo")), CHATTY, answers(), CHATTY, answers())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(upstream.__aenter__())
    import threading  # noqa: PLC0415

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    (tmp_path / "gearshift.yaml").write_text(config(upstream.base_url), encoding="utf-8")
    with serving(tmp_path, environ=ENVIRON) as running:
        yield running
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(upstream.__aexit__())
    loop.close()


def test_no_secret_and_no_prompt_is_anywhere(gateway: Gateway, gearshift: Run) -> None:
    key, said = talk(gateway)
    done = gearshift("export", "--out", "log.jsonl", cwd=gateway.folder, environ=ENVIRON)
    assert done.returncode == 0, done.stderr
    gateway.process.terminate()
    gateway.process.wait(15)
    files = [path for path in gateway.folder.rglob("*") if path.is_file() and path.name != "gearshift.yaml"]
    assert {"gearshift.db", "log.jsonl"} <= {path.name for path in files}
    places = {
        "stderr": "".join(gateway.lines),
        "answers": "\n".join(said),
        "commands": done.stdout + done.stderr,
        **{path.name: path.read_bytes().decode("latin-1") for path in files},
    }
    found = [
        (place, canary) for place, text in places.items() for canary in (PROVIDER, ADMIN, key, PROMPT) if canary in text
    ]
    assert found == []
