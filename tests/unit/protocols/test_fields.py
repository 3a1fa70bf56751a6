from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import (
    BOOLEAN,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    OBJECTS,
    TEXT,
    TEXTS,
    Kind,
    Misfit,
    Sole,
    each,
    keep,
    maybe,
    take,
    whole,
    word,
)

MAYBE_TEXTS = Kind(msgspec.json.Decoder(list[str | None]), "texts")


@pytest.mark.parametrize(
    ("kind", "spoken", "value"),
    [
        (TEXT, b'"a"', "a"),
        (NUMBER, b"1", 1.0),
        (INTEGER, b"-3", -3),
        (BOOLEAN, b"true", True),
        (TEXTS, b'["a"]', ["a"]),
        (LIST, b"[ 1 ]", [Raw(b"1")]),
        (OBJECT, b'{"a": 1.50}', {"a": Raw(b"1.50")}),
        (OBJECTS, b'[{"a":1}]', [{"a": Raw(b"1")}]),
    ],
)
def test_a_value_of_the_right_kind_is_read(kind: Kind[object], spoken: bytes, value: object) -> None:
    assert kind.read(Raw(spoken), "x") == value
    members = {"x": Raw(spoken), "y": Raw(b"null")}
    assert take(dict(members), "x", kind) == maybe(members, "x", kind) == value
    assert maybe(members, "y", kind) is None
    assert maybe(members, "z", kind) is None
    assert members == {}


@pytest.mark.parametrize(
    ("kind", "spoken", "fault"),
    [
        (TEXT, b"5", "at.x: found a number, expected a string"),
        (TEXT, b"null", "at.x: found null, expected a string"),
        (TEXT, b'"\xff"', "at.x: found text that is not valid Unicode, expected a string"),
        (NUMBER, b'"high"', "at.x: found a string, expected a number"),
        (INTEGER, b"1.5", "at.x: found 1.5, expected a whole number"),
        (INTEGER, b"1" * 40 + b".5", "at.x: found a number, expected a whole number"),
        (BOOLEAN, b"{}", "at.x: found an object, expected a boolean"),
        (TEXTS, b"true", "at.x: found a boolean, expected a list of strings"),
        (TEXTS, b'["a",[]]', "at.x[1]: found a list, expected a string"),
        (OBJECTS, b'[{},"a"]', "at.x[1]: found a string, expected an object"),
        (MAYBE_TEXTS, b"[1]", "at.x[0]: found a number, expected a string or null"),
    ],
)
def test_a_fault_says_where_what_was_found_and_what_was_expected(kind: Kind[object], spoken: bytes, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        take({"x": Raw(spoken)}, "x", kind, "at.")
    assert str(caught.value) == fault


def test_an_object_that_says_a_key_twice_is_no_sole_one() -> None:
    kind = Sole(msgspec.json.Decoder(dict[str, int]), "an object")
    assert take({"x": Raw(b'{"a":1,"b":1}')}, "x", kind) == {"a": 1, "b": 1}
    with pytest.raises(Misfit, match=r"^at\.x: ambiguous: the key 'a' is there twice; say it once"):
        take({"x": Raw(b'{"a":1,"a":1}')}, "x", kind, "at.")


def test_a_missing_field_is_a_fault_where_it_must_be() -> None:
    with pytest.raises(Misfit, match="x: missing, expected a string"):
        take({}, "x", TEXT, "at.")


def test_a_fault_is_told_from_outside() -> None:
    inner = Misfit("content", "odd")
    assert str(inner.within("messages[2]")) == "messages[2].content: odd"
    assert inner.within("a").within("b").path == "b.a.content"
    assert Misfit("[1]", "odd").within("stop").path == "stop[1]"


def test_what_is_left_of_an_object_is_kept_under_its_name() -> None:
    extra: dict[str, Raw] = {}
    keep(extra, "function", {})
    assert extra == {}
    keep(extra, "function", {"x": Raw(b"1.0")})
    assert extra == {"function": Raw(b'{"x":1.0}')}


@pytest.mark.parametrize(
    ("spoken", "name"),
    [(b'"r"', "r"), (b"5", "5"), (b"1.5", "1.5"), (b'""', None), (b"null", None), (b"[]", None), (b"", None)],
)
def test_a_name_may_be_a_number(spoken: bytes, name: str | None) -> None:
    assert word(Raw(spoken)) == name


@pytest.mark.parametrize(
    ("spoken", "seconds"), [(b"7", 7), (b"7.9", 7), (b'"7"', 0), (b"null", 0), (b"", 0), (b"1e400", 0)]
)
def test_a_time_that_cannot_be_is_none(spoken: bytes, seconds: int) -> None:
    assert whole(Raw(spoken)) == seconds


def test_a_fault_in_a_list_is_told_with_its_place() -> None:
    items = [{"a": Raw(b"1")}, {"a": Raw(b'"x"')}]
    with pytest.raises(Misfit, match=r"list\[1\]\.a: found a string"):
        each(items, lambda item: take(item, "a", INTEGER), "list")
