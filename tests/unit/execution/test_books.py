"""What the ledger is told before and after a call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import msgspec
import pytest

from gearshift.errors import LedgerUnavailable
from gearshift.execution.books import Unkept, begun, ended, most
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.storage.sqlite import SQLite
from gearshift.types.catalog import Price, Rates, Tier
from gearshift.types.chat import Sampling
from gearshift.types.embedding import EmbeddingRequest
from gearshift.types.ledger import LedgerRow, Payer
from tests.fakes.house import house, served_by, serving
from tests.fakes.nouns import attempt, deployment, failed, request
from tests.fakes.upstream import ScriptedUpstream, answers, refuses


class Bench:
    """Be an order of which only the payer and the request are asked."""

    request = request("Hello", sampling=Sampling(max_output_tokens=100))
    exchange_id = "gx-1"
    payer = Payer(key="k", team="t", user_id="u", router="auto", tags={"plan": "free"})


def row() -> LedgerRow:
    return begun(cast(Order, Bench()), Meter("gx-1-1", deployment(), 0.5), 1000.0)


def test_a_call_that_begins_is_unknown_and_has_a_bound() -> None:
    made = row()
    assert (made.id, made.exchange_id, made.created, made.ended) == ("gx-1-1", "gx-1", 1000.0, None)
    assert (made.state, made.billing, made.cost) == ("unknown", "maybe_billed", None)
    assert (made.key, made.team, made.user_id, made.router, made.tags) == ("k", "t", "u", "auto", '{"plan":"free"}')
    assert made.bound is not None
    assert made.bound > 100 * 2_000


def test_a_call_that_is_over_says_what_it_used() -> None:
    made = ended(row(), attempt(started=0.5, ended=2.0))
    assert (made.state, made.created, made.ended, made.status) == ("finished", 1000.0, 1001.5, 200)
    assert (made.input_tokens, made.output_tokens, made.cost, made.estimated) == (10, 5, 20_000, False)
    assert (made.key, made.bound) == ("k", row().bound)


def test_a_call_that_failed_is_counted_too() -> None:
    made = ended(row(), failed())
    assert (made.state, made.billing, made.cost, made.input_tokens) == ("finished", "not_billed", 0, None)
    assert made.error == "upstream_refused"


def test_a_cost_that_is_an_upstream_s_nonsense_is_unknown() -> None:
    assert ended(row(), attempt(cost=2**70)).cost is None


def test_the_bound_is_at_the_dearest_rate_and_none_where_there_is_no_end() -> None:
    cheap, dear = Rates(input=1_000, output=2_000), Rates(input=5_000, output=9_000, cache_write=8_000)
    price = Price(rates=cheap, tiers=(Tier(above_input_tokens=10, rates=dear),), source="config")
    asked = request("x" * 10_000, sampling=Sampling(max_output_tokens=1_000_000))
    found = most(asked, deployment(price=price))
    assert found is not None
    assert found >= 10_000 * 8_000 // 1_000_000 + 9_000
    assert most(request("x"), deployment()) is None  # nobody says how long the answer may be
    assert most(request("x"), deployment(max_output_tokens=10)) is not None
    assert most(asked, deployment(price=None)) is None


def test_vectors_have_a_bound_where_their_input_has() -> None:
    text = EmbeddingRequest(model="m", inputs=("Hello",), protocol="openai_embeddings")
    raw = EmbeddingRequest(model="m", inputs=(msgspec.Raw(b"{}"),), protocol="openai_embeddings")
    assert most(text, deployment()) is not None
    assert most(raw, deployment()) is None


def test_nobody_keeps_books_where_nobody_wants_them() -> None:
    Unkept().started(row())
    Unkept().finished(row())


def test_every_call_of_an_exchange_is_in_the_ledger(tmp_path: Path) -> None:
    async def play() -> list[tuple[object, ...]]:
        async with ScriptedUpstream(refuses(500)) as first, ScriptedUpstream(answers()) as second:
            models = served_by(first, "small"), served_by(second, "large")
            async with house(tmp_path, *models) as home:
                await home.chat(metadata={"plan": "free"}).done()
                assert home.store.flush(5)
        database = SQLite(tmp_path / "gearshift.db")
        with database.reading() as session:
            rows = session.run("SELECT exchange_id, model, state, billing, router, tags FROM ledger ORDER BY id")
        database.close()
        return list(rows)

    assert asyncio.run(play()) == [
        ("gx-1", "small", "finished", "not_billed", "auto", '{"plan":"free"}'),
        ("gx-1", "large", "finished", "billed", "auto", '{"plan":"free"}'),
    ]


def test_a_call_that_cannot_be_written_down_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_entry: LedgerRow) -> None:
        raise LedgerUnavailable("the ledger cannot be written (No space left on device)")

    async def play() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            monkeypatch.setattr(home.store, "started", full)
            visit = await home.chat().done()
            assert (visit.status, upstream.log) == (503, [])
            assert visit.json["error"]["code"] == "ledger_unavailable"

    asyncio.run(play())
