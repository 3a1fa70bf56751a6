from __future__ import annotations

import pytest

from gearshift.errors import InvalidRequest
from gearshift.types.chat import Request, Routing
from gearshift.types.inbound import Inbound

BARE = Inbound(path="/v1/chat/completions", body=b"", began=0.0)
ASKED = Request(model="auto", messages=(), metadata={"team": "search"}, routing=Routing(max_cost=5, session_id="s"))


def inbound(**said: object) -> Inbound:
    return Inbound(path="/", body=b"", began=0.0, **said)  # type: ignore[arg-type]


def test_headers_that_say_nothing_change_nothing() -> None:
    assert BARE.steer(ASKED) is ASKED


def test_a_header_s_limit_goes_before_the_body_s() -> None:
    steered = inbound(max_cost=3, session="s").steer(ASKED)
    assert (steered.routing.max_cost, steered.routing.session_id) == (3, "s")
    kept = inbound(metadata={"beta": True}).steer(ASKED)
    assert (kept.routing.max_cost, kept.routing.session_id) == (5, "s")


def test_metadata_of_a_header_join_the_body_s() -> None:
    assert inbound(metadata={"beta": True, "team": "search"}).steer(ASKED).metadata == {"team": "search", "beta": True}


def test_a_session_is_the_header_s_where_the_body_has_none() -> None:
    assert inbound(session="t").steer(Request(model="auto", messages=())).routing.session_id == "t"


def test_sessions_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(
        InvalidRequest, match="session_id: the body and the header x-session-id say different"
    ) as caught:
        inbound(session="t").steer(ASKED)
    assert caught.value.param == "session_id"


def test_metadata_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"metadata\.team: the body and a header say different things") as caught:
        inbound(metadata={"team": "shop"}).steer(ASKED)
    assert caught.value.param == "metadata"
