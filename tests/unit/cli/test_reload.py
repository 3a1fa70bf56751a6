from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gearshift.catalog import pricefile
from gearshift.cli import reload
from gearshift.cli.assemble import Assembly, assemble
from gearshift.cli.reload import Reloader, marks, reloading, served_files
from gearshift.config import load
from gearshift.errors import UnknownModel
from gearshift.learning import shelf
from gearshift.learning.artifact import TENSORS, builtin_path, demo_path, read
from gearshift.types.chat import Message, Request, Text
from tests.fakes.asgi import Visit
from tests.fakes.house import metric

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ENVIRON = {"LAB_KEY": "made-up", "CALLER": "sk-caller"}
CONFIG = """
store: sqlite:///{folder}/log.db
providers:
  lab: {{protocol: openai_chat, base_url: "http://127.0.0.1:9/v1", key: env:LAB_KEY}}
models:
  {model}: {{deployments: [{{provider: lab, price: {{input: 0.1, output: 0.4}}}}]}}
  large: {{deployments: [{{provider: lab, price: {{input: 1, output: 4}}}}]}}
routers:
  auto: {{candidates: ["*"], predictor: "{folder}/router"}}
"""


class Scene:
    """Hold a gateway and its reloader, with the files that they follow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "gearshift.yaml"
        self.router = folder / "router"
        read(demo_path()).save(self.router)
        self.write()
        seen = marks([self.file])
        config = load(self.file, ENVIRON)
        seen |= marks(served_files(config))
        self.assembly: Assembly = assemble(config, ENVIRON)
        self.reloader = Reloader(self.assembly, config, ENVIRON, seen=seen, file=self.file)

    def write(self, model: str = "small", more: str = "") -> None:
        self.file.write_text(CONFIG.format(folder=self.folder, model=model) + more)

    def replace(self, quality: str) -> str:
        """Train another artefact, as it were, over the one that serves; give its version."""
        learned = read(demo_path())
        learned = msgspec.structs.replace(learned, manifest=msgspec.structs.replace(learned.manifest, quality=quality))
        learned.save(self.router)
        return learned.predictor().version

    async def look(self, times: int = 2) -> None:
        for _ in range(times):
            await self.reloader.look()

    def predictor(self) -> str | None:
        request = Request(model="auto", messages=(Message(role="user", parts=(Text(text="Hi"),)),))
        return self.assembly.gateway.decide(request).predictor

    @property
    def counts(self) -> tuple[float | None, float | None]:
        """Give the numbers of reloads and of refused ones."""
        telemetry = self.assembly.site.telemetry
        return metric(telemetry, "gearshift_reloads_total"), metric(telemetry, "gearshift_reload_failures_total")


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    made = Scene(folder)
    try:
        yield made
    finally:
        await made.assembly.site.upstream.close()
        made.assembly.site.store.close()


def play(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with scene(folder) as made:
            await act(made)

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for is a metric
            await asyncio.sleep(0.01)


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    return [(record.message, record.__dict__.get("fields", {})) for record in caplog.records]


def test_what_did_not_change_is_not_reloaded(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        gateway = made.assembly.gateway
        await made.look(5)
        assert made.counts == (0, 0)
        assert made.assembly.gateway is gateway

    play(tmp_path, act)


def test_a_change_counts_when_it_was_seen_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gearshift.reload")

    async def act(made: Scene) -> None:
        old, new = made.predictor(), made.replace("other")
        await made.look(1)
        assert (made.predictor(), made.counts) == (old, (0, 0))
        await made.look(3)
        assert (made.predictor(), made.counts) == (new, (1, 0))
        ((event, fields),) = events(caplog)
        assert event == "reloaded"
        assert (fields["predictors"], fields["needs_restart"]) == ({"auto": new}, [])

    play(tmp_path, act)


def test_what_served_before_is_let_go(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        predictor = weakref.ref(made.assembly.gateway.world.routers.routers["auto"].predictor)
        made.predictor()
        made.replace("other")
        await made.look(3)
        assert predictor() is None

    play(tmp_path, act)


def test_a_promotion_is_seen_and_the_version_s_files_are_followed_from_then_on(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        pointer = shelf.promote(builtin_path(), made.router, at=NOON)
        await made.look(3)
        assert (made.predictor(), made.counts) == (pointer.current, (1, 0))
        (made.router / pointer.current / TENSORS).write_bytes(b"broken")
        await made.look(4)
        assert (made.predictor(), made.counts) == (pointer.current, (1, 1))
        shelf.rollback(made.router, at=NOON)
        await made.look(3)
        assert (made.predictor(), made.counts) == (pointer.before[-1], (2, 1))

    play(tmp_path, act)


def test_a_bad_config_leaves_the_old_one_serving_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(made: Scene) -> None:
        version, gateway = made.assembly.gateway.world.version, made.assembly.gateway
        made.write(more="nonsense: 1\nserver: {port: many}\n")
        await made.look(6)
        assert made.counts == (0, 1)
        assert made.assembly.gateway is gateway
        ((event, fields),) = events(caplog)
        assert (event, fields["error"], fields["still_serving"]) == ("reload_refused", "config_invalid", version)
        assert len(str(fields["faults"]).split("found")) > 2
        new = made.replace("other")  # an artefact is not held up by a config that cannot be read
        await made.look(3)
        assert (made.predictor(), made.counts) == (new, (1, 1))

    play(tmp_path, act)


@pytest.mark.parametrize("more", ["server: {keys: [env:NOBODY]}\n", "logging: {content: 7}\n"])
def test_a_config_that_lacks_a_secret_or_is_mistaken_changes_nothing(tmp_path: Path, more: str) -> None:
    async def act(made: Scene) -> None:
        made.write(model="new", more=more)
        await made.look(3)
        assert made.counts == (0, 1)
        assert [each.model for each in made.assembly.catalog.deployments] == ["small", "large"]

    play(tmp_path, act)


def test_a_new_config_is_served_in_every_part(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        made.write(model="new", more="server: {keys: [env:CALLER], max_body_bytes: 1024}\n")
        await made.look(3)
        assert made.counts == (1, 0)
        visit = await Visit(made.assembly.app, "/v1/models").done()
        assert visit.status == 401
        headers = {"authorization": "Bearer sk-caller"}
        visit = await Visit(made.assembly.app, "/v1/models", headers=headers).done()
        assert [each["id"] for each in json.loads(visit.body)["data"]] == ["auto", "new", "large"]
        with pytest.raises(UnknownModel):
            made.assembly.gateway.decide(Request(model="small", messages=()))
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "x" * 2000}]}).encode()
        visit = await Visit(made.assembly.app, "/v1/route", method="POST", body=body, headers=headers).done()
        assert visit.status == 413

    play(tmp_path, act)


def test_what_only_a_restart_changes_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gearshift.reload")

    async def act(made: Scene) -> None:
        made.write(more="server: {port: 4001}\n")
        await made.look(3)
        made.replace("other")
        await made.look(3)
        assert [fields["needs_restart"] for _, fields in events(caplog)] == [["server.port"], ["server.port"]]

    play(tmp_path, act)


def test_a_config_may_name_a_folder_that_comes_later(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        text = made.file.read_text().replace("/router", "/later")
        made.file.write_text(text)
        await made.look(3)
        assert made.counts == (0, 1)
        read(builtin_path()).save(tmp_path / "later")
        await made.look(3)
        assert made.counts == (1, 1)
        assert made.predictor() == read(builtin_path()).predictor().version

    play(tmp_path, act)


def test_asking_reloads_at_once_and_a_hangup_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "LOOK", 60.0)

    async def act(made: Scene) -> None:
        async with reloading(made.reloader):
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: made.counts[0] == 1)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "reload"]

    play(tmp_path, act)


def test_our_own_bug_ends_neither_the_gateway_nor_the_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reload, "LOOK", 0.01)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    async def act(made: Scene) -> None:
        before = made.predictor()
        with monkeypatch.context() as broken:
            broken.setattr(reload, "prepare", fail)
            async with reloading(made.reloader):
                new = made.replace("other")
                await until(lambda: made.counts[1] == 1)
                assert made.predictor() == before
                broken.undo()
                made.reloader.ask()
                await until(lambda: made.predictor() == new)
        assert [event for event, _ in events(caplog)] == ["reload_failed"]

    play(tmp_path, act)


def test_without_a_config_file_artefacts_are_followed(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        config = load(made.file, ENVIRON)
        made.reloader = Reloader(made.assembly, config, ENVIRON, seen=marks(served_files(config)))
        made.file.unlink()
        new = made.replace("other")
        await made.look(3)
        assert (made.predictor(), made.counts) == (new, (1, 0))
        await made.reloader.look(asked=True)
        assert made.counts == (2, 0)

    play(tmp_path, act)


def test_newer_prices_are_taken_and_broken_ones_are_not(tmp_path: Path) -> None:
    async def act(made: Scene) -> None:
        newer = tmp_path / "prices.json"
        made.write(more=f"catalog: {newer}\n")
        made.file.write_text(made.file.read_text().replace("env:LAB_KEY", "env:LAB_KEY, price_id: openai"))
        await made.look(3)
        assert made.counts == (1, 0)
        newer.write_text("garbage")
        await made.look(3)
        assert made.counts == (1, 1)
        payload = b'[{"id":"a","name":"A","api_pattern":"a","models":[{"id":"m","match":{"equals":"m"},"prices":{}}]}]'
        pricefile.write(newer, payload, source="test", date="2026-11-27")
        await made.look(3)
        assert made.counts == (2, 1)

    play(tmp_path, act)
