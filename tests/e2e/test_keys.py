"""A key's life, with real processes and the official client: made, used, revoked, on one gateway and on another."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from gearshift.cli.benchmark.children import start_upstream
from gearshift.cli.benchmark.subject import config
from tests.e2e.conftest import serving

ADMIN = {"GEARSHIFT_ADMIN_KEY": "an-operators-secret"}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with start_upstream(frozenset()) as port:
        yield port


def ask(url: str, key: str) -> str | None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(model="mini", messages=[{"role": "user", "content": "Hello"}])
    return answer.choices[0].message.content


def test_a_revoked_key_opens_no_gateway_of_the_store(tmp_path: Path, upstream: int, gearshift: Run) -> None:
    file = tmp_path / "gearshift.yaml"
    made = config(0, upstream, tmp_path, {"admin_key": "env:GEARSHIFT_ADMIN_KEY"})
    file.write_text(json.dumps(made), encoding="utf-8")
    with (
        serving(tmp_path, "--config", str(file), environ=ADMIN) as first,
        serving(tmp_path, "--config", str(file), environ=ADMIN) as second,
    ):
        with pytest.raises(openai.AuthenticationError, match="found a key that this gateway does not know"):
            ask(first.url, "sk-wrong")
        done = gearshift("keys", "create", "--name", "e2e", "--url", first.url, "--json", cwd=tmp_path, environ=ADMIN)
        assert done.returncode == 0, done.stderr
        key = json.loads(done.stdout)
        assert ask(first.url, key["key"])
        _until(lambda: _opens(second.url, key["key"]))
        gone = gearshift("keys", "revoke", key["id"], "--url", first.url, cwd=tmp_path, environ=ADMIN)
        assert gone.returncode == 0, gone.stderr
        assert not _opens(first.url, key["key"])
        _until(lambda: not _opens(second.url, key["key"]))
        used = gearshift("usage", "--by", "key", "--url", second.url, "--json", cwd=tmp_path, environ=ADMIN)
        assert [each["key"] for each in json.loads(used.stdout)] == [key["id"]]
        denied = gearshift(
            "keys", "list", "--url", first.url, cwd=tmp_path, environ={"GEARSHIFT_ADMIN_KEY": key["key"]}
        )
        assert (denied.returncode, "revoked" in denied.stderr) == (1, True)


def _opens(url: str, key: str) -> bool:
    try:
        return ask(url, key) is not None
    except openai.AuthenticationError:
        return False


def _until(true: Callable[[], bool]) -> None:
    """Wait, at most two seconds: one is promised, the other is the machine's."""
    end = time.monotonic() + 2
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
