from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gearshift.cli.assemble import assemble, make_fetcher, prepare
from gearshift.cli.predictors import load_predictors
from gearshift.config import from_mapping
from gearshift.errors import ConfigError
from gearshift.types.chat import Message, Request, Text
from tests.fakes.nouns import attempt, exchange

MAPPING = {
    "providers": {"lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "key": "env:LAB_KEY"}},
    "models": {"small": {"deployments": [{"provider": "lab", "price": {"input": 0.1, "output": 0.4}}]}},
}


def test_files_by_url_are_fetched_only_where_the_config_says_so() -> None:
    assert make_fetcher(from_mapping(MAPPING, source="test", environ={})) is None
    stated = {**MAPPING, "media": {"fetch": True, "max_bytes": 2048, "timeout": "3s"}}
    assert make_fetcher(from_mapping(stated, source="test", environ={})) is not None


def test_everything_is_wired_from_a_config(tmp_path: Path) -> None:
    config = from_mapping({**MAPPING, "store": f"sqlite:///{tmp_path / 'log.db'}"}, source="test", environ={})
    assembly = assemble(config, {"LAB_KEY": "made-up"})
    try:
        assert assembly.gateway.world.version == config.version
        assert [each.id for each in assembly.catalog.deployments] == ["lab/small"]
        assert "made-up" not in repr(assembly)
    finally:
        assembly.site.store.close()


def test_a_missing_secret_is_a_config_error(tmp_path: Path) -> None:
    config = from_mapping({**MAPPING, "store": f"sqlite:///{tmp_path / 'log.db'}"}, source="test", environ={})
    with pytest.raises(ConfigError, match="LAB_KEY"):
        assemble(config, {})


def test_every_broken_artefact_is_named() -> None:
    routers = {name: {"candidates": ["small"], "predictor": f"nowhere-{name}"} for name in ("one", "two")}
    config = from_mapping({**MAPPING, "routers": routers}, source="test", environ={})
    with pytest.raises(ConfigError) as caught:
        load_predictors(config)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "routers.one.predictor",
        "routers.two.predictor",
    ]


def test_budgets_are_paced_as_long_as_their_config_serves(tmp_path: Path) -> None:
    def until(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def pacers() -> int:
        return sum(thread.name == "pacer" for thread in threading.enumerate())

    store = {"store": f"sqlite:///{tmp_path / 'log.db'}"}
    auto = {"auto": {"candidates": ["small"], "objective": {"budget": {"usd": 5, "per": "day"}}}}
    paced = from_mapping({**MAPPING, **store, "routers": auto}, source="test", environ={})
    plain = from_mapping({**MAPPING, **store}, source="test", environ={})
    environ, before = {"LAB_KEY": "made-up"}, pacers()
    assembly = assemble(paced, environ)
    try:
        until(lambda: "auto" in assembly.gateway.pacer.paces)
        assert assembly.gateway.pacer.paces["auto"].spent == 0
        assembly.adopt(prepare(paced, environ))
        until(lambda: pacers() == before + 1)
        assembly.adopt(prepare(plain, environ))
        until(lambda: pacers() == before)
    finally:
        assembly.gateway.pacer.close()
        assembly.site.store.close()


def test_what_is_remembered_of_conversations_outlives_a_change_of_the_config(tmp_path: Path) -> None:
    config = from_mapping({**MAPPING, "store": f"sqlite:///{tmp_path / 'log.db'}"}, source="test", environ={})
    assembly = assemble(config, {"LAB_KEY": "made-up"})
    try:
        asked = Request(model="auto", messages=(Message(role="user", parts=(Text(text="Hi"),)),))
        assembly.site.memory.sessions.note(asked, exchange(attempts=(attempt(),)), 0.0)
        assembly.adopt(prepare(config, {"LAB_KEY": "made-up"}))
        grown = replace(asked, messages=(*asked.messages, Message(role="assistant", parts=(Text(text="Ho"),))))
        standing = assembly.gateway.decide(grown).standing
        assert standing is not None
        assert standing.deployment == "lab/small"
    finally:
        assembly.gateway.pacer.close()
        assembly.site.store.close()


def test_preparing_makes_no_file(tmp_path: Path) -> None:
    config = from_mapping({**MAPPING, "store": f"sqlite:///{tmp_path / 'log.db'}"}, source="test", environ={})
    assert [each.id for each in prepare(config, {"LAB_KEY": "x"}).catalog.deployments] == ["lab/small"]
    assert list(tmp_path.iterdir()) == []


def test_every_fault_of_what_a_config_names_is_in_one_report(tmp_path: Path) -> None:
    routers = {
        "bound": {"candidates": ["small"], "objective": {"at_most": {"model": "odd"}}},
        "lost": {"candidates": ["small"], "predictor": "nowhere"},
    }
    small = {"deployments": [{"provider": "lab", "price": {"input": 0.1, "output": 0.4}}]}
    models = {"small": small, "odd": {"deployments": [{"provider": "lab"}]}}
    stated = {**MAPPING, "models": models, "routers": routers, "store": f"sqlite:///{tmp_path}"}
    with pytest.raises(ConfigError) as caught:
        prepare(from_mapping(stated, source="test", environ={}), {})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "providers.lab.key",
        "routers.bound.objective.at_most.model",
        "routers.lost.predictor",
        "store",
    ]
