"""Own keys, teams and users as they are kept: made, listed, changed; every change with its entry in the audit.

Invariants: a change, its audit entry and the new revision are one transaction; a key is given out once, when it is made
or rotated, and only its SHA-256 stays; nothing is ever deleted, so what the log names can be looked up.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec

from gearshift.errors import UnknownRecord
from gearshift.storage.database import Database, Session, Value
from gearshift.storage.secrets import SHOWN, make_key
from gearshift.types.access import Caller, Defaults, Scopes
from gearshift.types.catalog import Seconds
from gearshift.types.directory import Change, KeyRecord, Team, User

PAGE: Final = 200
"""Entries that a list gives at most."""
_ID_BYTES: Final = 8
_KEY: Final = "id, name, prefix, role, team, user_id, scopes, defaults, created, expires, revoked"
_json = msgspec.json.Encoder().encode
T = TypeVar("T")


class Directory:
    """Keep keys, teams and users in a database; `wall_clock` is seconds since the epoch."""

    def __init__(self, database: Database, wall_clock: Callable[[], Seconds]) -> None:
        """Take the database."""
        self._database = database
        self._now = wall_clock

    def revision(self) -> int:
        """Give a number that every change raises."""
        with self._database.reading() as session:
            return int(session.run("SELECT n FROM revision")[0][0] or 0)

    def callers(self) -> dict[str, Caller]:
        """Give every key that was ever made, by its digest."""
        with self._database.reading() as session:
            rows = session.run(f"SELECT hash, {_KEY} FROM api_keys")  # noqa: S608 - our names
        return {str(row[0]): _caller(_key(row[1:])) for row in rows}

    def make_key(self, actor: str, record: KeyRecord) -> tuple[KeyRecord, str]:
        """Make a key as `record` says, but for its id and prefix; give the record, and the key: the only time."""
        key = make_key()
        made = msgspec.structs.replace(record, id=new_id("key", self._now()), prefix=key[:SHOWN], created=self._now())
        with self._changing(actor, "key.create", made.id, {"name": made.name, "role": made.role}) as (
            session,
            revision,
        ):
            session.run(
                f"INSERT INTO api_keys (hash, revision, {_KEY}) VALUES ({', '.join('?' * 13)})",  # noqa: S608 - our names
                (_digest(key), revision, *_flat(made)),
            )
        return made, key

    def keys(self, after: str = "") -> list[KeyRecord]:
        """List keys, in the order in which they were made, behind the id `after`."""
        query = f"SELECT {_KEY} FROM api_keys WHERE id > ? ORDER BY id LIMIT {PAGE}"  # noqa: S608 - our names
        with self._database.reading() as session:
            return [_key(row) for row in session.run(query, (after,))]

    def key(self, key_id: str) -> KeyRecord:
        """Give a key; raise UnknownRecord where there is none."""
        with self._database.reading() as session:
            return _key(_only(session.run(f"SELECT {_KEY} FROM api_keys WHERE id = ?", (key_id,)), "key", key_id))  # noqa: S608

    def change_key(self, actor: str, changed: KeyRecord) -> KeyRecord:
        """Change all of a key but what it is known by."""
        self.key(changed.id)
        detail = {"name": changed.name, "role": changed.role, "expires": changed.expires}
        with self._changing(actor, "key.update", changed.id, detail) as (session, revision):
            session.run(
                "UPDATE api_keys SET name = ?, role = ?, team = ?, user_id = ?, scopes = ?, defaults = ?, expires = ?, "
                "revision = ? WHERE id = ?",
                (
                    changed.name,
                    changed.role,
                    changed.team,
                    changed.user_id,
                    _json(changed.scopes).decode(),
                    _json(changed.defaults).decode(),
                    changed.expires,
                    revision,
                    changed.id,
                ),
            )
        return self.key(changed.id)

    def rotate_key(self, actor: str, key_id: str, grace: Seconds) -> tuple[KeyRecord, str]:
        """Make a key in the place of another, which goes on for `grace` seconds."""
        former = self.key(key_id)
        made, key = self.make_key(actor, msgspec.structs.replace(former, revoked=None))
        self._end_key(actor, "key.rotate", key_id, self._now() + grace, {"by": made.id})
        return made, key

    def revoke_key(self, actor: str, key_id: str) -> KeyRecord:
        """Let a key open nothing any more."""
        self.key(key_id)
        self._end_key(actor, "key.revoke", key_id, self._now(), {})
        return self.key(key_id)

    def make_team(self, actor: str, name: str) -> Team:
        """Make a team."""
        made = Team(id=new_id("team", self._now()), name=name, created=self._now())
        with self._changing(actor, "team.create", made.id, {"name": name}) as (session, revision):
            session.run(
                "INSERT INTO teams (id, name, created, revision) VALUES (?, ?, ?, ?)",
                (made.id, made.name, made.created, revision),
            )
        return made

    def teams(self, after: str = "") -> list[Team]:
        """List teams."""
        query = f"SELECT id, name, created, deleted FROM teams WHERE id > ? ORDER BY id LIMIT {PAGE}"  # noqa: S608
        with self._database.reading() as session:
            return [msgspec.convert(_named(Team, row), Team) for row in session.run(query, (after,))]

    def make_user(self, actor: str, user: User) -> User:
        """Make a user as `user` says, but for its id."""
        made = msgspec.structs.replace(user, id=new_id("user", self._now()), created=self._now())
        with self._changing(actor, "user.create", made.id, {"name": made.name, "role": made.role}) as (
            session,
            revision,
        ):
            session.run(
                "INSERT INTO users (id, name, role, email, team, created, revision) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (made.id, made.name, made.role, made.email, made.team, made.created, revision),
            )
        return made

    def users(self, after: str = "") -> list[User]:
        """List users."""
        query = (
            "SELECT id, name, role, email, team, created, deleted FROM users WHERE id > ? "  # noqa: S608 - our number
            f"ORDER BY id LIMIT {PAGE}"
        )
        with self._database.reading() as session:
            return [msgspec.convert(_named(User, row), User) for row in session.run(query, (after,))]

    def changes(self, before: Seconds | None = None) -> list[Change]:
        """List the latest changes, newest first, before a time."""
        query = f"SELECT id, at, actor, action, target, detail FROM audit WHERE at < ? ORDER BY at DESC LIMIT {PAGE}"  # noqa: S608
        with self._database.reading() as session:
            rows = session.run(query, (self._now() + 1 if before is None else before,))
        return [msgspec.convert(_named(Change, row), Change) for row in rows]

    def _end_key(self, actor: str, action: str, key_id: str, at: Seconds, detail: Mapping[str, object]) -> None:
        with self._changing(actor, action, key_id, detail) as (session, revision):
            session.run(
                "UPDATE api_keys SET revoked = CASE WHEN revoked IS NULL OR revoked > ? THEN ? ELSE revoked END, "
                "revision = ? WHERE id = ?",
                (at, at, revision, key_id),
            )

    @contextmanager
    def _changing(
        self, actor: str, action: str, target: str, detail: Mapping[str, object]
    ) -> Iterator[tuple[Session, int]]:
        with changing(self._database, self._now(), (actor, action, target), detail) as opened:
            yield opened


@contextmanager
def changing(
    database: Database, now: Seconds, told: tuple[str, str, str], detail: Mapping[str, object]
) -> Iterator[tuple[Session, int]]:
    """Open a transaction with its audit entry (who, what, to what); give it and the new revision."""
    with database.writing() as session:
        session.run("UPDATE revision SET n = n + 1")
        revision = int(session.run("SELECT n FROM revision")[0][0] or 0)
        yield session, revision
        session.run(
            "INSERT INTO audit (id, at, actor, action, target, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (new_id("chg", now), now, *told, _json(detail).decode()),
        )


def new_id(kind: str, now: Seconds) -> str:
    """Make an id that nobody can guess and that sorts by time; `now` is seconds since the epoch."""
    return f"{kind}_{int(now * 1000):011x}{os.urandom(_ID_BYTES).hex()}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _only(rows: list[tuple[Value, ...]], kind: str, name: str) -> tuple[Value, ...]:
    if not rows:
        raise UnknownRecord(f"found no {kind} {name[:100]!r}; list them to see which there are")
    return rows[0]


def _named(kind: type[msgspec.Struct], row: tuple[Value, ...]) -> dict[str, Value]:
    return dict(zip(kind.__struct_fields__, row, strict=True))


def _flat(record: KeyRecord) -> tuple[Value, ...]:
    return (
        record.id,
        record.name,
        record.prefix,
        record.role,
        record.team,
        record.user_id,
        _json(record.scopes).decode(),
        _json(record.defaults).decode(),
        record.created,
        record.expires,
        record.revoked,
    )


def _key(row: tuple[Value, ...]) -> KeyRecord:
    fields: dict[str, object] = dict(_named(KeyRecord, row))
    fields["scopes"] = msgspec.json.decode(str(fields["scopes"] or "{}"), type=Scopes)
    fields["defaults"] = msgspec.json.decode(str(fields["defaults"] or "{}"), type=Defaults)
    return msgspec.convert(fields, KeyRecord)


def _caller(record: KeyRecord) -> Caller:
    return Caller(
        id=record.id,
        name=record.name,
        role=record.role,
        team=record.team,
        user_id=record.user_id,
        scopes=record.scopes,
        defaults=record.defaults,
        expires=record.expires,
        revoked=record.revoked,
    )
