"""Newer prices come on request, from a URL or a file, and only when all of them are sound."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gearshift.catalog.pricebook import shipped
from gearshift.cli.app import app
from gearshift.errors import ConfigError, UpstreamInvalid
from tests.fakes.upstream import Scene, ScriptedUpstream, refuses, sends

CONFIG = """
providers: {openai: {}}
models:
  gpt-5.5: {deployments: [{provider: openai}]}
  mine: {deployments: [{provider: openai, price: {input: 1, output: 2}}]}
"""


def payload(input_: object = 6, output: object = 31) -> bytes:
    charged = {"input_mtok": input_, "output_mtok": output, "cache_read_mtok": 0.6}
    model = {"id": "m", "match": {"equals": "gpt-5.5"}, "prices": charged}
    provider = {"id": "openai", "name": "OpenAI", "api_pattern": "https://api\\.openai\\.com", "models": [model]}
    return json.dumps([provider]).encode()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gearshift.yaml").write_text(CONFIG)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["catalog", *words])


def price() -> dict[str, Any]:
    shown = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    found: dict[str, Any] = next(each for each in shown if each["deployment"] == "openai/gpt-5.5")["price"]
    return found


@contextmanager
def served(scene: Scene) -> Iterator[str]:
    """Serve in a thread: the command has a loop of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done, url = asyncio.Event(), list[str]()

    async def serve() -> None:
        async with ScriptedUpstream(scene) as upstream:
            url.append(upstream.base_url + "/data.json?token=made-up")
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield url[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


def test_it_says_where_prices_and_facts_come_from() -> None:
    said = run()
    assert said.exit_code == 0
    assert f"prices  {shipped().source}, shipped" in said.stdout
    shown = json.loads(run("--json").stdout)
    assert (shown["prices"]["source"], shown["prices"]["date"]) == (shipped().source, None)
    assert shown["facts"]["source"].startswith("models.dev")


def test_newer_prices_are_fetched_and_serve_from_then_on(folder: Path) -> None:
    with served(sends(payload())) as url:
        done = run("update", "--url", url)
    assert done.exit_code == 0, done.output
    assert "openai/gpt-5.5: in $5 out $30 cached $0.5 and 1 tiers -> in $6 out $31 cached $0.6" in done.stdout
    assert "openai/mine" not in done.stdout  # its price is stated
    found = price()
    assert found["rates"]["input"] == 6_000_000_000
    assert found["source"].endswith("/v1/data.json")
    assert found["date"] is not None
    assert "made-up" not in (folder / "gearshift-catalog.json").read_text()
    assert "fetched" in run().stdout


def test_a_change_of_more_than_ten_times_needs_a_yes(folder: Path) -> None:
    (folder / "new.json").write_bytes(payload(input_=51))
    done = run("update", "--from", "new.json")
    assert done.exit_code == 3
    assert "-> in $51 out $31 cached $0.6 (needs --yes)" in done.stdout
    assert price()["rates"]["input"] == 5_000_000_000
    done = run("update", "--from", "new.json", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["written"]) == (0, True)
    assert (price()["rates"]["input"], price()["source"]) == (51_000_000_000, "new.json")


def test_a_price_that_is_not_there_any_more_needs_a_yes_and_is_unknown_never_zero(folder: Path) -> None:
    (folder / "new.json").write_bytes(payload().replace(b"gpt-5.5", b"gpt-0"))
    assert run("update", "--from", "new.json").exit_code == 3
    assert run("update", "--from", "new.json", "--yes").exit_code == 0
    assert price() is None


@pytest.mark.parametrize("content", [b"<html>", payload(input_=-1), b"[]"])
def test_what_is_not_sound_leaves_the_old_prices(folder: Path, content: bytes) -> None:
    (folder / "new.json").write_bytes(content)
    done = run("update", "--from", "new.json", "--yes")
    assert done.exit_code == 1
    assert isinstance(done.exception, ConfigError)
    assert "the prices of before stay" in done.exception.message
    assert not (folder / "gearshift-catalog.json").exists()


def test_a_server_that_refuses_leaves_the_old_prices(folder: Path) -> None:
    with served(refuses(404)) as url:
        done = run("update", "--url", url)
    assert isinstance(done.exception, UpstreamInvalid)
    assert not (folder / "gearshift-catalog.json").exists()


def test_a_url_with_credentials_is_refused() -> None:
    assert run("update", "--url", "https://me:made-up@prices.example/").exit_code == 2


def test_a_broken_file_is_a_fault_of_the_config(folder: Path) -> None:
    (folder / "gearshift-catalog.json").write_text("garbage")
    done = CliRunner().invoke(app, ["check", "--json"])
    assert done.exit_code == 3
    assert any("gearshift-catalog.json cannot be used" in fault for fault in json.loads(done.stdout)["faults"])
