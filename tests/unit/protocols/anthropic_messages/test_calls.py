from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gearshift.protocols.anthropic_messages.calls import decode_call, said_id
from gearshift.protocols.fields import Misfit
from gearshift.types.chat import ToolCall
from gearshift.types.record import Loss

PATTERN = re.compile(r"^[a-zA-Z0-9_-]+$")
ids = st.text("ab_-.2e ", max_size=4) | st.text(max_size=4) | st.text("a_2e.", max_size=5).map("gearshift_".__add__)


def test_an_id_that_anthropic_takes_is_said_as_it_is() -> None:
    losses: list[Loss] = []
    assert [said_id(name, "at", losses) for name in ("toolu_01A-b", "call_1")] == ["toolu_01A-b", "call_1"]
    assert losses == []


def test_an_id_that_it_forbids_is_spelt_out_and_told() -> None:
    losses: list[Loss] = []
    assert said_id("a.b", "at", losses) == "gearshift_a_2e_b"
    assert [(loss.field, loss.kind) for loss in losses] == [("at.id", "mapped")]


@given(one=ids, other=ids)
def test_no_two_ids_are_said_as_one_and_each_is_taken(one: str, other: str) -> None:
    assert PATTERN.fullmatch(said_id(one, "at", []))
    assert (said_id(one, "at", []) == said_id(other, "at", [])) == (one == other)


@pytest.mark.parametrize("spoken", [b'{ "a" : 1.50 }', b"{}"])
def test_the_input_is_kept_byte_for_byte(spoken: bytes) -> None:
    call = decode_call({"id": Raw(b'"t"'), "name": Raw(b'"f"'), "input": Raw(spoken), "odd": Raw(b"1")})
    assert call == ToolCall(id="t", name="f", arguments=spoken.decode(), extra={"odd": Raw(b"1")})


@pytest.mark.parametrize("rest", [b"", b',"input":null'])
def test_an_input_that_is_not_said_is_empty(rest: bytes) -> None:
    members = msgspec.json.decode(b'{"id":"t","name":"f"%b}' % rest, type=dict[str, Raw])
    assert decode_call(members) == ToolCall(id="t", name="f", arguments="{}")


@pytest.mark.parametrize(("spoken", "found"), [(b"[1]", "a list"), (b'"x"', "a string"), (b"5", "a number")])
def test_an_input_that_is_no_object_is_named(spoken: bytes, found: str) -> None:
    with pytest.raises(Misfit, match=f"^input: found {found}, expected an object"):
        decode_call({"id": Raw(b'"t"'), "name": Raw(b'"f"'), "input": Raw(spoken)})
