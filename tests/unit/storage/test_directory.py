"""Keys are given out once, and every change leaves its mark."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from gearshift.errors import UnknownRecord
from gearshift.server.auth import digest_of
from gearshift.storage.directory import Directory
from gearshift.storage.opening import open_database
from gearshift.types.access import Defaults, Scopes
from gearshift.types.directory import KeyRecord, User
from tests.fakes.postgres import Server

HOSTILE = "'; DROP TABLE api_keys; --%_\\\" \r\n?"
WANTED = KeyRecord(
    id="",
    name="a",
    prefix="",
    created=0.0,
    team="t",
    scopes=Scopes(models=("gpt-*",)),
    defaults=Defaults(max_cost=5, content=True),
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def directory(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Directory]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.fresh()
    database = open_database(url)
    yield Directory(database, clock)
    database.close()


def test_a_key_is_given_out_once_and_known_by_its_digest(directory: Directory) -> None:
    made, key = directory.make_key("me", WANTED)
    assert directory.key(made.id) == made
    assert (made.team, made.scopes, made.defaults, made.created) == ("t", WANTED.scopes, WANTED.defaults, 1000.0)
    assert made.prefix == key[:8]
    callers = directory.callers()
    assert set(callers) == {digest_of(key)}
    caller = callers[digest_of(key)]
    assert (caller.id, caller.team, caller.scopes, caller.defaults) == (made.id, "t", WANTED.scopes, WANTED.defaults)


def test_the_key_itself_is_nowhere_in_the_file(tmp_path: Path, clock: Clock) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    _made, key = Directory(database, clock).make_key("me", WANTED)
    database.close()
    with closing(sqlite3.connect(tmp_path / "x.db")) as opened:
        assert key not in "\n".join(opened.iterdump())


def test_every_change_raises_the_revision_and_is_audited_without_a_secret(directory: Directory, clock: Clock) -> None:
    seen = [directory.revision()]
    made, key = directory.make_key("me", WANTED)
    seen.append(directory.revision())
    directory.change_key("you", replace(made, name="b", role="viewer"))
    seen.append(directory.revision())
    clock.now += 1
    directory.revoke_key("me", made.id)
    seen.append(directory.revision())
    directory.make_team("me", "red")
    directory.make_user("me", User(id="", name="Ada", created=0.0))
    assert seen == sorted(set(seen))
    changes = directory.changes()
    assert {(each.actor, each.action) for each in changes} == {
        ("me", "key.create"),
        ("you", "key.update"),
        ("me", "key.revoke"),
        ("me", "team.create"),
        ("me", "user.create"),
    }
    assert key not in str(changes)
    assert json.loads(next(each.detail or "" for each in changes if each.action == "key.update"))["role"] == "viewer"


def test_a_rotated_key_goes_on_for_its_grace(directory: Directory, clock: Clock) -> None:
    made, key = directory.make_key("me", WANTED)
    after, new = directory.rotate_key("me", made.id, 60.0)
    assert new != key
    assert (after.name, after.scopes, after.revoked) == (made.name, made.scopes, None)
    assert directory.key(made.id).revoked == clock.now + 60
    directory.revoke_key("me", made.id)
    assert directory.key(made.id).revoked == clock.now


def test_what_was_revoked_stays_revoked(directory: Directory, clock: Clock) -> None:
    made, _key = directory.make_key("me", WANTED)
    directory.revoke_key("me", made.id)
    clock.now += 100
    directory.revoke_key("me", made.id)
    assert directory.key(made.id).revoked == 1000.0


def test_hostile_text_is_only_text(directory: Directory) -> None:
    made, _key = directory.make_key(HOSTILE, replace(WANTED, name=HOSTILE, team=HOSTILE, user_id=HOSTILE))
    assert (directory.key(made.id).name, directory.key(made.id).team) == (HOSTILE, HOSTILE)
    directory.make_team(HOSTILE, HOSTILE)
    assert directory.teams()[0].name == HOSTILE
    with pytest.raises(UnknownRecord, match="found no key"):
        directory.key(HOSTILE)


def test_lists_go_on_behind_an_id(directory: Directory, clock: Clock) -> None:
    made = []
    for number in range(5):
        clock.now += 1
        made.append(directory.make_key("me", replace(WANTED, name=str(number)))[0])
    assert [each.name for each in directory.keys("")] == ["0", "1", "2", "3", "4"]
    assert [each.name for each in directory.keys(made[2].id)] == ["3", "4"]
    directory.make_user("me", User(id="", name="Ada", email="a@example.org", role="viewer", created=0.0))
    (user,) = directory.users()
    assert (user.name, user.email, user.role) == ("Ada", "a@example.org", "viewer")
