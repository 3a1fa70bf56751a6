"""Servers are asked for their models: those that answer are served, those that do not keep nobody waiting."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gearshift.catalog.discovery import Discovery
from gearshift.cli import discover as discovering
from gearshift.cli import reload
from gearshift.cli.assemble import Assembly, assemble
from gearshift.cli.discover import discover, tell
from gearshift.cli.reload import Reloader, marks, reloading, served_files
from gearshift.config import Config, from_mapping
from tests.fakes.asgi import Visit
from tests.fakes.upstream import Scene, ScriptedUpstream, answers, closed_port, refuses, says, sends


def lists(*names: str) -> Scene:
    return sends(json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode())


def config(url: str, provider: str = "ollama", **more: object) -> Config:
    stated = {"base_url": url, **more}
    document = {"providers": {provider: stated}, "routers": {"auto": {"candidates": [f"{provider}/*"]}}}
    return from_mapping(document, source="test", environ={})


def ask(*scenes: Scene, provider: str = "ollama", **more: object) -> tuple[Discovery, list[str]]:
    async def run() -> tuple[Discovery, list[str]]:
        async with ScriptedUpstream(*scenes) as upstream:
            found = await discover(config(upstream.base_url, provider, **more), {"KEY": "sk-made-up"})
            return found, [seen.target for seen in upstream.log]

    return asyncio.run(run())


def names(found: Discovery, provider: str = "ollama") -> list[str]:
    return [each.name for each in found.offers[provider].models]


def test_a_server_lists_its_models() -> None:
    found, targets = ask(lists("qwen3:8b", "llama3.2:latest"))
    assert names(found) == ["qwen3:8b", "llama3.2:latest"]
    assert (found.faults, targets) == ({}, ["/v1/models"])


def test_where_it_is_not_known_in_one_place_it_is_asked_in_the_next() -> None:
    tags = sends(b'{"models": [{"name": "qwen3:8b"}]}')
    found, targets = ask(refuses(404), tags)
    assert (names(found), targets) == (["qwen3:8b"], ["/v1/models", "/api/tags"])
    found, targets = ask(sends(b'{"data": [{"id": "m", "max_context_length": 9}]}'), provider="lmstudio")
    assert (found.offers["lmstudio"].models[0].context_window, targets) == (9, ["/api/v0/models"])


def test_a_provider_is_asked_when_it_is_told_to_and_with_its_key() -> None:
    async def run() -> None:
        async with ScriptedUpstream(lists("m")) as upstream:
            stated = config(upstream.base_url, "lab", protocol="openai_chat", key="env:KEY", discover=True)
            assert names(await discover(stated, {"KEY": "sk-made-up"}), "lab") == ["m"]
            assert upstream.log[0].headers["authorization"] == "Bearer sk-made-up"

    asyncio.run(run())
    document = {
        "providers": {"ollama": {"discover": False, "base_url": "http://127.0.0.1:1"}, "openai": {}},
        "models": {"m": {"deployments": [{"provider": "openai"}]}},
    }
    assert asyncio.run(discover(from_mapping(document, source="test", environ={}), {})) == Discovery()


@pytest.mark.parametrize(
    ("scene", "fault"),
    [
        (refuses(500, "sk-made-up"), "answered 500, expected 200"),
        (sends(b"<html>"), "found no list of models in the answer"),
        (sends(b"[" * 100_000), "found no list of models in the answer"),
        (sends(b" " * 3_000_000), "found more than 2097152 bytes"),
        (says(b""), "no answer within 0.3 s"),
    ],
)
def test_a_server_that_does_not_say_is_a_fault_in_our_words(
    scene: Scene, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovering, "PATIENCE", 0.3)
    found, _ = ask(scene)
    assert found.offers == {}
    assert found.faults["ollama"].startswith(f"its models could not be listed: {fault}")
    assert "sk-made-up" not in found.faults["ollama"]


def test_a_key_that_is_missing_is_a_fault_too() -> None:
    found, targets = ask(lists("m"), key="env:NOT_SET")
    assert "NOT_SET" in found.faults["ollama"]
    assert targets == []


def served(
    folder: Path, act: Callable[[Assembly, ScriptedUpstream, Reloader], Awaitable[None]], *scenes: Scene
) -> None:
    async def run() -> None:
        async with ScriptedUpstream(*scenes) as upstream:
            stated = config(upstream.base_url, price=0)
            stated = stated.model_copy(update={"store": f"sqlite:///{folder / 'log.db'}"})
            assembly = assemble(stated, {}, discovered=await discover(stated, {}))
            try:
                await act(assembly, upstream, Reloader(assembly, stated, {}, seen=marks(served_files(stated))))
            finally:
                await assembly.site.upstream.close()
                assembly.site.store.close()

    asyncio.run(run())


async def visible(assembly: Assembly) -> list[str]:
    listed = (await Visit(assembly.app, "/v1/models").done()).json
    return [each["id"] for each in listed["data"]]


async def ready(assembly: Assembly) -> list[str]:
    degraded: list[str] = (await Visit(assembly.app, "/readyz").done()).json["degraded"]
    return degraded


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for is what another task does
            await asyncio.sleep(0.01)


def test_what_was_found_answers(tmp_path: Path) -> None:
    async def act(assembly: Assembly, upstream: ScriptedUpstream, _: Reloader) -> None:
        assert await visible(assembly) == ["auto", "qwen3:latest"]
        for name in ("auto", "qwen3:latest", "ollama/qwen3:latest", "qwen3"):
            body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hi"}]}).encode()
            visit = await Visit(assembly.app, "/v1/chat/completions", method="POST", body=body).done()
            assert (visit.status, visit.json["model"]) == (200, "qwen3:latest")
        assert upstream.log[-1].json["model"] == "qwen3:latest"

    served(tmp_path, act, lists("qwen3:latest"), answers())


def test_a_server_that_is_down_is_degraded_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stated = config(f"http://127.0.0.1:{closed_port()}/v1")
    stated = stated.model_copy(update={"store": f"sqlite:///{tmp_path / 'log.db'}"})

    async def run() -> None:
        assembly = assemble(stated, {}, discovered=await discover(stated, {}))
        try:
            assert await visible(assembly) == ["auto"]
            (degraded,) = await ready(assembly)
            assert degraded.startswith("ollama: its models could not be listed: no connection")
            body = b'{"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}'
            visit = await Visit(assembly.app, "/v1/chat/completions", method="POST", body=body).done()
            assert (visit.status, visit.json["error"]["code"]) == (422, "no_candidate")
            tell(assembly.plan.found, assembly.plan.left_out)
        finally:
            await assembly.site.upstream.close()
            assembly.site.store.close()

    asyncio.run(run())
    assert [(record.message, record.__dict__["fields"]["provider"]) for record in caplog.records] == [
        ("discovery_degraded", "ollama")
    ]


def test_servers_are_asked_again_and_what_changed_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reload, "LOOK", 0.01)
    monkeypatch.setattr(reload, "REFRESH", 0.02)
    caplog.set_level(logging.INFO, "gearshift.reload")

    async def act(assembly: Assembly, upstream: ScriptedUpstream, reloader: Reloader) -> None:
        async with reloading(reloader):
            await until(lambda: len(assembly.catalog.deployments) == 2)
            assert await visible(assembly) == ["auto", "a", "b"]
            await until(lambda: bool(assembly.plan.found.faults))
            asked = len(upstream.log)
            await until(lambda: len(upstream.log) > asked + 3)
        assert await visible(assembly) == ["auto", "a", "b"]
        (degraded,) = await ready(assembly)
        assert degraded.endswith("answered 500, expected 200; its 2 models of before stay")
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "discovery" and not task.cancelling()]

    served(tmp_path, act, lists("a"), lists("a"), lists("a", "b"), refuses(500))
    assert len([record for record in caplog.records if record.message == "reloaded"]) == 2


def test_a_reload_asks_again(tmp_path: Path) -> None:
    async def act(assembly: Assembly, _: ScriptedUpstream, reloader: Reloader) -> None:
        await reloader.look(asked=True)
        assert await visible(assembly) == ["auto", "b"]

    served(tmp_path, act, lists("a"), lists("b"))
