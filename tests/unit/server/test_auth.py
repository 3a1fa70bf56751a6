from __future__ import annotations

import msgspec
import pytest

from gearshift.errors import Forbidden, Unauthorized
from gearshift.server.asgi import Scope
from gearshift.server.auth import Keys, digest_of
from gearshift.storage.secrets import make_key
from gearshift.types.access import Caller, Scopes

KEY = "sk-virtual-1"
KEYS = Keys([KEY, "sk-virtual-2"])


def scope(path: str = "/v1/models", **headers: str) -> Scope:
    told = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"path": path, "headers": told}


@pytest.mark.parametrize(
    "shown",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"x_api_key": KEY},
        {"x_goog_api_key": KEY},
    ],
)
def test_a_key_is_read_from_the_header_of_every_sdk(shown: dict[str, str]) -> None:
    assert KEYS.check(scope(**shown)) is not None


def test_a_key_is_known_by_an_id_that_does_not_tell_it() -> None:
    first = KEYS.check(scope(x_api_key=KEY))
    second = KEYS.check(scope(x_api_key="sk-virtual-2"))
    assert first != second
    assert first == KEYS.check(scope(authorization=f"Bearer {KEY}"))
    assert first is not None
    assert len(first.id) == 12
    assert KEY not in repr(first)


@pytest.mark.parametrize("shown", [{}, {"authorization": "Basic abc"}])
def test_no_key_is_told_apart_from_a_wrong_one(shown: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match="found no key"):
        KEYS.check(scope(**shown))


@pytest.mark.parametrize("shown", ["sk-wrong", "", KEY[:-1], KEY + "x", KEY.upper(), "sk-größe"])
def test_a_wrong_key_is_refused_without_repeating_it(shown: str) -> None:
    with pytest.raises(Unauthorized, match="does not know") as caught:
        KEYS.check(scope(authorization=f"Bearer {shown}"))
    assert not shown or shown not in caught.value.message


def test_without_keys_everybody_may_call() -> None:
    assert Keys([]).check(scope()) is None
    assert Keys([]).check(scope(authorization="Bearer anything")) is None


def test_keys_are_held_as_digests_only() -> None:
    assert KEY not in repr(vars(KEYS))


def stored(**changes: object) -> Keys:
    keys = Keys(wall_clock=lambda: 100.0)
    keys.learn({digest_of("kept"): msgspec.structs.replace(Caller(id="k1"), **changes)})
    return keys


def test_a_stored_key_is_known_with_all_that_it_may() -> None:
    found = stored(team="red", role="viewer").check(scope(x_api_key="kept"))
    assert found is not None
    assert (found.id, found.team, found.role) == ("k1", "red", "viewer")


@pytest.mark.parametrize(
    ("changes", "said"), [({"revoked": 99.0}, "was revoked"), ({"expires": 100.0}, "has expired")], ids=str
)
def test_a_key_that_ended_opens_nothing_but_still_shuts_the_door(changes: dict[str, float], said: str) -> None:
    keys = stored(**changes)
    with pytest.raises(Unauthorized, match=said):
        keys.check(scope(x_api_key="kept"))
    with pytest.raises(Unauthorized, match="found no key"):
        keys.check(scope())


def test_a_key_in_its_grace_still_opens() -> None:
    assert stored(revoked=101.0, expires=101.0).check(scope(x_api_key="kept")) is not None


def test_what_is_kept_of_a_key_opens_nothing() -> None:
    with pytest.raises(Unauthorized, match="does not know"):
        stored().check(scope(x_api_key=digest_of("kept")))


def test_a_key_of_a_megabyte_is_not_even_hashed() -> None:
    with pytest.raises(Unauthorized, match="found a key of 1000000 characters"):
        KEYS.check(scope(x_api_key="x" * 1_000_000))


def test_a_misspelt_key_is_called_so() -> None:
    with pytest.raises(Unauthorized, match="misspelt or cut short"):
        stored().check(scope(x_api_key=make_key()[:-3]))


def test_the_admin_key_is_an_admins_and_others_are_not() -> None:
    keys = Keys(["own"], admin="boss")
    boss, own = keys.check(scope(x_api_key="boss")), keys.check(scope(x_api_key="own"))
    assert boss is not None
    assert own is not None
    assert (boss.role, own.role) == ("admin", "caller")


def test_a_key_opens_only_the_paths_in_its_scope() -> None:
    keys = stored(scopes=Scopes(routes=("/v1/chat/*",)))
    assert keys.check(scope("/v1/chat/completions", x_api_key="kept")) is not None
    with pytest.raises(Forbidden, match="/v1/models"):
        keys.check(scope("/v1/models", x_api_key="kept"))
