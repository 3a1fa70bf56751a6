"""What every store must do (`storage.store.Store`)."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from gearshift.errors import ConfigError, RowRefused
from gearshift.storage import log as log_module
from gearshift.storage.ledger import Ledger
from gearshift.storage.log import Log
from gearshift.storage.opening import open_database, unusable
from gearshift.storage.store import Store, row
from gearshift.storage.versions import VERSION
from gearshift.types.chat import Usage
from gearshift.types.record import Feedback, Spending
from tests.fakes.nouns import attempt, decision, exchange, failed, ledger_row, under_way
from tests.fakes.postgres import Server

Open: TypeAlias = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gearshift.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.fresh()


@pytest.fixture
def reopen(url: str, tmp_path: Path) -> Open:
    return partial(opened, url, tmp_path)


@pytest.fixture
def store(reopen: Open) -> Iterator[Store]:
    made = reopen()
    yield made
    made.close()


def opened(url: str, folder: Path) -> Store:
    return Ledger(Log(open_database(url)), folder / "ledger")


def test_what_a_router_spent_is_summed_from_a_time_on(store: Store) -> None:
    now = 1_790_000_000.0
    made = [
        exchange("old", created=now - 5000.0, cost=7),
        exchange("early", created=now - 1000.0, cost=10),
        exchange("late", created=now - 5.0, cost=20),
        exchange("at the baseline", created=now - 4.0, cost=None, baseline_cost=300),
        exchange("unknown", created=now - 3.0, cost=None),
        exchange("other", created=now - 2.0, cost=4000, decision=decision(router="other")),
    ]
    for each in made:
        store.append(each)
    assert store.flush()
    found = store.spending("auto", now - 2000.0, now - 600.0)
    assert (found.spent, found.unknown, found.recent) == (330, 1, 3)
    assert store.spending("nobody", 0.0, 0.0) == Spending()


def test_an_exchange_comes_back_as_it_was(store: Store) -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2)
    made = exchange(
        "x", [failed(1), attempt(2, usage=usage)], decision=decision(quality=0.7), baseline_cost=99, key="k"
    )
    store.append(made)
    assert store.flush()
    row = store.exchange("x")
    assert row is not None
    assert (row.id, row.created, row.path, row.requested_model) == ("x", 100.0, "/v1/chat/completions", "auto")
    assert (row.model, row.deployment, row.provider, row.router) == ("small", "lab/small", "lab", "auto")
    assert (row.reason, row.propensity, row.quality) == ("named", 1.0, 0.7)
    assert (row.input_tokens, row.output_tokens, row.cache_read_tokens, row.reasoning_tokens) == (10, 5, 4, 2)
    assert (row.cost, row.baseline_cost, row.key, row.usage_estimated) == (20_000, 99, "k", False)
    assert (row.stream, row.outcome, row.status, row.error) == (False, "completed", 200, None)
    assert (row.duration, row.first_token, row.overhead) == (1.0, 0.5, 0.001)
    assert (row.response_id, row.finish_reason, row.prompt, row.answer) == ("chatcmpl-1", "stop", None, None)
    assert [each["id"] for each in json.loads(row.attempts)] == ["x-1", "x-2"]
    assert row.decision is not None
    assert json.loads(row.decision)["chosen"] == "lab/small"


def test_what_is_unknown_comes_back_as_unknown(store: Store) -> None:
    store.append(
        exchange("x", [], decision=None, cost=None, first_token=None, outcome="failed", status=400, error="bad")
    )
    store.flush()
    row = store.exchange("x")
    assert row is not None
    assert (row.model, row.router, row.decision, row.attempts) == (None, None, None, "[]")
    assert (row.cost, row.input_tokens, row.usage_estimated, row.quality, row.propensity) == (None,) * 5


def test_a_cost_that_we_counted_is_flagged(store: Store) -> None:
    guess = Usage(input_tokens=10, estimated=True)
    store.append(exchange("x", [attempt(1, usage=guess, first_token=None, error="caller_left")], outcome="cancelled"))
    store.flush()
    row = store.exchange("x")
    assert row is not None
    assert (row.usage_estimated, row.cost, row.outcome) == (True, 20_000, "cancelled")


def test_flush_returns_once_readers_see_the_rows(store: Store, reopen: Open) -> None:
    reader = reopen()
    for number in range(100):
        store.append(exchange(f"x{number}"))
        if number % 10 == 0:
            assert store.flush()
            assert reader.exchange(f"x{number}") is not None
    reader.close()


def test_closing_writes_what_is_queued(reopen: Open) -> None:
    first = reopen()
    for number in range(1000):
        first.append(exchange(f"x{number}"))
    first.close()
    second = reopen()
    assert len(list(second.exchanges())) == 1000
    second.close()


def test_an_id_is_written_once(store: Store) -> None:
    store.append(exchange("x", cost=1))
    store.append(exchange("x", cost=2))
    store.flush()
    assert [row.cost for row in store.exchanges()] == [1]


def test_an_exchange_is_found_by_its_upstream_s_id_too(store: Store) -> None:
    store.append(exchange("a", [attempt(response_id="chatcmpl-9")], created=1.0))
    store.append(exchange("b", [attempt(response_id="chatcmpl-9")], created=2.0))
    store.flush()
    row = store.exchange("chatcmpl-9")
    assert row is not None
    assert row.id == "b"


def test_an_upstream_that_answers_under_another_exchange_s_id_does_not_hide_it(store: Store) -> None:
    store.append(exchange("a", created=1.0))
    store.append(exchange("b", [attempt(response_id="a")], created=2.0))
    store.flush()
    row = store.exchange("a")
    assert row is not None
    assert row.id == "a"


def test_an_id_that_is_not_there_is_none(store: Store) -> None:
    assert store.exchange("nowhere") is None
    assert store.exchange("' OR 1=1 --") is None


def test_exchanges_come_oldest_first_from_a_moment_on(store: Store) -> None:
    for name, created in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        store.append(exchange(name, created=created))
    store.flush()
    assert [row.id for row in store.exchanges()] == ["a", "b", "c"]
    assert [row.id for row in store.exchanges(since=2.0)] == ["b", "c"]


def test_it_knows_exchanges_and_sessions(store: Store) -> None:
    store.append(exchange("x", session="s"))
    store.flush()
    assert store.knows(exchange_id="x", session_id=None)
    assert store.knows(exchange_id=None, session_id="s")
    assert not store.knows(exchange_id="s", session_id="x")
    assert not store.knows(exchange_id=None, session_id=None)


def test_feedback_is_averaged_over_the_exchange_and_its_session(store: Store) -> None:
    for name, session in (("a", "s"), ("b", "s"), ("c", None)):
        store.append(exchange(name, session=session))
    store.feedback(Feedback(created=1.0, score=1.0, exchange_id="a"))
    store.feedback(Feedback(created=2.0, score=0.0, exchange_id="a"))
    store.feedback(Feedback(created=3.0, score=1.0, session_id="s", label="good", comment="fine"))
    store.flush()
    assert store.scores() == {"a": pytest.approx(2 / 3), "b": 1.0}


def test_text_of_every_kind_survives(store: Store) -> None:
    odd = "Grüße \U0001f600 ' \" \\ \n %s %(x)s ? $1 :a 漢字"
    store.append(exchange("x", requested_model=odd, prompt=odd, session=odd))
    store.flush()
    row = store.exchange("x")
    assert row is not None
    assert (row.requested_model, row.prompt, row.session) == (odd, odd, odd)


def test_a_null_character_is_kept_or_said_to_have_been_one(store: Store, url: str) -> None:
    store.append(exchange("x", prompt="a\x00b"))
    assert store.flush()
    row = store.exchange("x")
    assert row is not None
    assert row.prompt == ("a\x00b" if url.startswith("sqlite") else "a\ufffdb")  # PostgreSQL has no room for it


def test_an_attempt_is_counted_once_and_what_was_unknown_becomes_known(url: str) -> None:
    database = open_database(url)
    log = Log(database)
    log.write([under_way(1), ledger_row(2, cost=7)])
    log.write([ledger_row(1, cost=5), ledger_row(2, cost=8), under_way(2)])
    with database.reading() as session:
        found = session.run("SELECT id, state, cost, bound FROM ledger ORDER BY id")
    assert found == [("x-1", "finished", 5, 50_000), ("x-2", "finished", 7, 50_000)]
    log.close()


def test_a_batch_is_written_whole_or_not_at_all(url: str) -> None:
    log = Log(open_database(url))
    with pytest.raises(RowRefused):
        log.write([ledger_row(1), row(exchange("a")), ledger_row(2, cost=2**70)])
    assert log.exchange("a") is None
    log.write([ledger_row(1), row(exchange("a"))])
    assert log.exchange("a") is not None
    log.close()


def test_many_open_one_new_store_at_once(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(open_database, [url] * 8))
    for each in made:
        with each.reading() as session:
            assert session.run("SELECT version FROM schema_version") == [(VERSION,)]
        each.close()


def test_a_store_of_a_later_version_is_used_where_it_says_so(url: str) -> None:
    database = open_database(url)
    with database.writing() as session:
        session.run("UPDATE schema_version SET version = ?, oldest = ?", (VERSION + 5, VERSION))
    open_database(url).close()
    with database.writing() as session:
        session.run("UPDATE schema_version SET oldest = ?", (VERSION + 1,))
    database.close()
    with pytest.raises(ConfigError, match="use the gearshift that wrote it"):
        open_database(url)
    assert "use the gearshift that wrote it" in unusable(url)


def test_what_is_read_page_by_page_is_complete(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.storage.log.PAGE", 3)
    monkeypatch.setattr("gearshift.storage.log._PAGE", log_module._PAGE.replace("LIMIT 500", "LIMIT 3"))  # noqa: SLF001
    names = [f"x{number:02}" for number in range(11)]
    for number, name in enumerate(names):
        store.append(exchange(name, created=float(number // 4)))
    assert store.flush()
    assert [each.id for each in store.exchanges()] == names


def _write(url: str, folder: Path, name: str, count: int) -> None:
    store = opened(url, folder)
    for number in range(count):
        store.append(exchange(f"{name}{number}"))
        if number % 50 == 0:
            store.flush()
    store.close()


def test_two_processes_write_the_same_log(url: str, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(url, tmp_path, name, 300)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    reader = opened(url, tmp_path)
    assert len(list(reader.exchanges())) == 600
    reader.close()
