"""The door's keys follow the store, and go on without it."""

from __future__ import annotations

import time

import pytest

from gearshift.errors import StoreUnavailable, Unauthorized
from gearshift.server.auth import Keys, digest_of
from gearshift.server.keyring import Keyring
from gearshift.types.access import Caller


class Shelf:
    """Be where keys are kept."""

    def __init__(self) -> None:
        self.n = 0
        self.away = False
        self.kept: dict[str, Caller] = {}
        self.reads = 0

    def revision(self) -> int:
        if self.away:
            raise StoreUnavailable("away")
        return self.n

    def callers(self) -> dict[str, Caller]:
        self.reads += 1
        return dict(self.kept)

    def put(self, key: str, caller: Caller) -> None:
        self.kept[digest_of(key)] = caller
        self.n += 1


def scope(key: str) -> dict[str, object]:
    return {"path": "/v1/models", "headers": [(b"authorization", f"Bearer {key}".encode())]}


def test_keys_are_read_when_something_changed_and_only_then() -> None:
    shelf, keys = Shelf(), Keys()
    ring = Keyring(shelf, time.monotonic)
    ring.adopt(keys)
    ring.refresh()
    assert keys.check(scope("k")) is None  # there is no key anywhere
    shelf.put("k", Caller(id="1"))
    ring.refresh()
    ring.refresh()
    assert shelf.reads == 2
    found = keys.check(scope("k"))
    assert found is not None
    assert found.id == "1"
    with pytest.raises(Unauthorized):
        keys.check(scope("other"))


def test_while_the_store_is_away_known_keys_go_on(caplog: pytest.LogCaptureFixture) -> None:
    shelf, keys = Shelf(), Keys()
    shelf.put("k", Caller(id="1"))
    now = [10.0]
    ring = Keyring(shelf, lambda: now[0])
    ring.adopt(keys)
    ring.refresh()
    assert ring.stale_for is None
    shelf.away, now[0] = True, 15.0
    ring.refresh()
    ring.refresh()
    assert ring.stale_for == 5.0
    assert keys.check(scope("k")) is not None
    assert [each.getMessage() for each in caplog.records] == ["keys_unread"]


def test_before_the_store_was_ever_reached_nobody_is_let_in_by_guess() -> None:
    shelf, keys = Shelf(), Keys(["own"])
    shelf.away = True
    ring = Keyring(shelf, time.monotonic)
    ring.adopt(keys)
    ring.refresh()
    assert keys.check(scope("own")) is not None
    with pytest.raises(StoreUnavailable, match="not been reached yet"):
        keys.check(scope("stored"))
    bare = Keys()
    ring.adopt(bare)
    with pytest.raises(StoreUnavailable):
        bare.check(scope("stored"))


def test_a_door_that_is_new_after_a_reload_knows_at_once() -> None:
    shelf = Shelf()
    shelf.put("k", Caller(id="1"))
    ring = Keyring(shelf, time.monotonic)
    ring.refresh()
    keys = Keys()
    ring.adopt(keys)
    assert keys.check(scope("k")) is not None


def test_it_looks_by_itself_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.server.keyring.LOOK", 0.005)
    shelf, keys = Shelf(), Keys()
    ring = Keyring(shelf, time.monotonic)
    ring.adopt(keys)
    ring.start()
    shelf.put("k", Caller(id="1"))
    end = time.monotonic() + 5
    while not keys.required:
        assert time.monotonic() < end
        time.sleep(0.005)
    ring.close()
