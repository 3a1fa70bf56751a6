"""Who pays is who called, by which router, under which tags."""

from __future__ import annotations

from gearshift.payer import MAX_TAG, MAX_TAGS, payer_of
from gearshift.types.inbound import Inbound
from tests.fakes.nouns import decision, request

INBOUND = Inbound(path="/", body=b"", began=0.0, key="k1")


def test_who_called_and_by_which_router_is_told() -> None:
    found = payer_of(INBOUND, request(metadata={"plan": "free", "seats": 3}), decision(router="careful"))
    assert (found.key, found.router, found.tags) == ("k1", "careful", {"plan": "free", "seats": "3"})
    assert payer_of(INBOUND, request(), decision()).tags == {}


def test_what_a_caller_says_of_itself_is_bounded() -> None:
    long = {f"{number:03}{'n' * 1000}": "v" * 1000 for number in range(100)}
    found = payer_of(INBOUND, request(metadata=long), decision()).tags
    assert len(found) == MAX_TAGS
    assert all(len(name) == len(value) == MAX_TAG for name, value in found.items())
