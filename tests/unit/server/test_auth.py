from __future__ import annotations

import pytest

from gearshift.errors import Unauthorized
from gearshift.server.asgi import Scope
from gearshift.server.auth import Keys

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
