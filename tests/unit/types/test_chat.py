from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from gearshift.types.chat import Part, Request, Routing, Sampling, Text, Usage
from gearshift.types.stream import Event
from tests.fakes.nouns import request


def test_what_the_caller_did_not_say_is_none() -> None:
    bare = Request(model="m", messages=())
    assert bare.include_usage is None
    assert bare.sampling == Sampling()
    assert (bare.sampling.temperature, bare.sampling.max_output_tokens, bare.sampling.n) == (None, None, None)
    assert bare.routing == Routing()
    assert bare.routing.allow_fallbacks


def test_requests_do_not_share_their_dictionaries() -> None:
    one, other = request(), Request(model="m", messages=())
    one.metadata["plan"] = "free"
    assert other.metadata == {}


def test_usage_counts_nothing_and_is_the_upstream_s_own_unless_said() -> None:
    assert Usage() == Usage(input_tokens=0, output_tokens=0, cache_read_tokens=0, reasoning_tokens=0, estimated=False)


@pytest.mark.parametrize("union", [Part, Event])
def test_the_members_of_a_union_are_told_apart_by_their_tags(union: object) -> None:
    members = get_args(union)
    tags = [member.__struct_config__.tag for member in members]
    assert all(tags)
    assert len(set(tags)) == len(members)


def test_a_part_survives_its_own_json() -> None:
    part = Text(text="Grüße", extra={"cache_control": msgspec.Raw(b'{"type":"ephemeral"}')})
    assert msgspec.json.decode(msgspec.json.encode(part), type=Text) == part


def test_requests_are_frozen() -> None:
    with pytest.raises(AttributeError):
        request().model = "other"  # type: ignore[misc]
