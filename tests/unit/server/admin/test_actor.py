from __future__ import annotations

import pytest
from fastapi import Request

from gearshift.errors import Forbidden
from gearshift.server.admin.actor import actor
from gearshift.server.auth import CALLER
from gearshift.types.access import Caller


def list_keys() -> None:
    """Be a route by its name."""


def test_who_asks_is_given_once_the_route_is_for_them() -> None:
    viewer = Caller(id="k", role="viewer")
    assert actor(Request({"type": "http", "endpoint": list_keys, CALLER: viewer})) is viewer
    with pytest.raises(Forbidden):
        actor(Request({"type": "http", "endpoint": list_keys, CALLER: Caller(id="k")}))
