"""Limits as they are kept, and what the ledger says of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gearshift.errors import UnknownRecord
from gearshift.storage.database import Database
from gearshift.storage.limits import LimitBook
from gearshift.storage.log import Log
from gearshift.storage.opening import open_database
from gearshift.types.budget import Limit
from tests.fakes.nouns import ledger_row, under_way
from tests.fakes.postgres import Server

LIMIT = Limit(id="", kind="team", scope="red", unit="usd", amount=5, period="month", calendar=False, mode="strict")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.fresh()
    made = open_database(url)
    yield made
    made.close()


def test_a_limit_comes_back_as_it_was_made(database: Database) -> None:
    book = LimitBook(database, lambda: 1000.0)
    made = book.make("me", LIMIT)
    assert book.limits() == [made]
    assert replace(made, id="", created=0.0) == LIMIT
    assert book.change("me", made.id, 9).amount == 9
    book.end("me", made.id)
    assert book.limits() == []
    with pytest.raises(UnknownRecord, match="found no budget"):
        book.change("me", made.id, 1)


def test_what_was_used_is_what_the_ledger_says(database: Database) -> None:
    Log(database).write(
        [
            ledger_row(1, team="red", tags='{"plan":"free"}', cost=10),
            ledger_row(2, team="red", cost=5, exchange_id="y", created=200.0),
            ledger_row(3, team="blue", cost=1000, exchange_id="z"),
            under_way(4, team="red", exchange_id="u", bound=70),
        ]
    )
    book = LimitBook(database, lambda: 1000.0)
    assert book.spent(LIMIT, 0.0) == 10 + 5 + 70  # what is unknown counts as the most that it can be
    assert book.spent(LIMIT, 150.0) == 5
    assert book.spent(replace(LIMIT, unit="requests"), 0.0) == 3
    assert book.spent(replace(LIMIT, unit="input_tokens"), 0.0) == 20
    assert book.spent(replace(LIMIT, kind="tag", scope="plan=free"), 0.0) == 10
    assert book.spent(replace(LIMIT, kind="tag", scope="plan=' OR 1=1"), 0.0) == 0
    assert book.spent(replace(LIMIT, kind="all", scope=""), 0.0) == 1085
    assert book.spent(replace(LIMIT, unit="concurrent"), 0.0) == 0
