"""What was used is summed by any dimension, on both databases alike; what is unknown is counted apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gearshift.errors import InvalidRequest
from gearshift.storage.database import Database
from gearshift.storage.log import Log
from gearshift.storage.opening import open_database
from gearshift.storage.usage import usage
from tests.fakes.nouns import ledger_row, under_way
from tests.fakes.postgres import Server

DAY = 86_400.0
NOON = 1_795_780_800.0  # 2026-11-27T12:00:00Z


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.fresh()
    made = open_database(url)
    Log(made).write(
        [
            ledger_row(1, created=NOON, model="small", key="a", team="red", cost=10),
            ledger_row(2, created=NOON + 1, model="large", key="a", team="red", cost=500, exchange_id="y"),
            ledger_row(3, created=NOON + DAY, model="small", key="b", cost=20, estimated=True, exchange_id="z"),
            under_way(4, created=NOON + DAY, model="large", key="b", exchange_id="u"),
        ]
    )
    yield made
    made.close()


def test_without_dimensions_everything_is_one_sum(database: Database) -> None:
    (found,) = usage(database)
    assert (found.attempts, found.exchanges, found.cost) == (4, 4, 530)
    assert (found.unknown, found.bound, found.estimated) == (1, 50_000, 1)
    assert (found.input_tokens, found.output_tokens) == (30, 15)


def test_groups_come_dearest_first(database: Database) -> None:
    found = usage(database, by=["model", "key"])
    assert [(each.group["model"], each.group["key"], each.cost) for each in found] == [
        ("large", "a", 500),
        ("small", "b", 20),
        ("small", "a", 10),
        ("large", "b", 0),
    ]
    assert [each.unknown for each in found] == [0, 0, 0, 1]


def test_time_is_parted_and_bounded(database: Database) -> None:
    assert {each.group["day"]: each.cost for each in usage(database, by=["day"])} == {
        "2026-11-27": 510,
        "2026-11-28": 20,
    }
    assert {each.group["hour"] for each in usage(database, by=["hour"])} == {"2026-11-27T12:00Z", "2026-11-28T12:00Z"}
    assert [each.group["month"] for each in usage(database, by=["month"])] == ["2026-11"]
    (late,) = usage(database, since=NOON + DAY)
    (early,) = usage(database, until=NOON + DAY)
    assert (late.attempts, early.attempts) == (2, 2)


def test_filters_are_values_not_words_of_the_query(database: Database) -> None:
    (red,) = usage(database, where={"team": "red"})
    assert red.cost == 510
    (nobody,) = usage(database, where={"team": "' OR '1'='1"})
    assert nobody.attempts == 0
    (ok,) = usage(database, where={"status": "200"})
    assert ok.attempts == 3


@pytest.mark.parametrize("name", ["nothing", "created; DROP TABLE ledger", "cost"])
def test_an_unknown_dimension_is_refused(database: Database, name: str) -> None:
    with pytest.raises(InvalidRequest, match="expected some of key, team"):
        usage(database, by=[name])
    with pytest.raises(InvalidRequest):
        usage(database, where={name: "x"})
