from __future__ import annotations

import json
import sys
from types import FrameType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import InvalidRequest
from gearshift.protocols.json_patch import MAX_DEPTH, MAX_MEMBERS, JsonObject, legible

spaces = st.sampled_from(["", " ", "\n  ", "\t", "\r\n"])
values = st.sampled_from(
    [
        "1",
        "-0.0",
        "1E5",
        "12",
        "true",
        "null",
        '"a"',
        '"\\u00e9\\n\\""',
        '"\\\\"',
        '"{}[],:"',
        "[]",
        "[1, [2 ]]",
        "{}",
        '{"model":"x"}',
        '"é"',
        '{"a" : "}"}',
    ]
)
keys = st.sampled_from(["model", "a", "b", "é", "a b", 'q"q', "back\\slash", ""])


@st.composite
def objects(draw: st.DrawFn) -> tuple[bytes, dict[str, str]]:
    """Give the text of an object, with every licence of spelling, and its members' texts."""
    members = draw(st.dictionaries(keys, values, max_size=5))
    slots = []
    for key, value in members.items():
        name = json.dumps(key, ensure_ascii=draw(st.booleans()))
        slots.append(f"{draw(spaces)}{name}{draw(spaces)}:{draw(spaces)}{value}{draw(spaces)}")
    text = draw(spaces) + "{" + (",".join(slots) or draw(spaces)) + "}" + draw(spaces)
    return text.encode(), members


@given(made=objects())
def test_members_are_given_as_they_are_spelt(made: tuple[bytes, dict[str, str]]) -> None:
    body, members = made
    found = JsonObject(body, InvalidRequest).members
    assert {name: bytes(raw).decode() for name, raw in found.items()} == members
    assert list(found) == list(members)


@given(made=objects(), edits=st.dictionaries(keys, st.none() | values, max_size=4))
def test_a_patch_changes_what_it_says_and_nothing_else(
    made: tuple[bytes, dict[str, str]], edits: dict[str, str | None]
) -> None:
    body, members = made
    patched = JsonObject(body, InvalidRequest).patch(
        {name: None if value is None else value.encode() for name, value in edits.items()}
    )
    expected = {name: value for name, value in (members | edits).items() if value is not None}
    found = JsonObject(patched, InvalidRequest).members
    assert {name: bytes(raw).decode() for name, raw in found.items()} == expected
    assert [name for name in found if name in members] == [name for name in members if name in expected]


@given(made=objects())
def test_a_patch_of_nothing_or_to_the_same_is_identity(made: tuple[bytes, dict[str, str]]) -> None:
    body, members = made
    document = JsonObject(body, InvalidRequest)
    assert document.patch({}) == body
    assert document.patch({"absent": None}) == body
    assert document.patch({name: value.encode() for name, value in members.items()}) == body


@pytest.mark.parametrize(
    ("body", "edits", "expected"),
    [
        (b'{ "a" : 1 ,\n "b":2 }', {"a": b"9"}, b'{ "a" : 9 ,\n "b":2 }'),
        (b'{ "a" : 1 ,\n "b":2 }', {"b": None}, b'{ "a" : 1 }'),
        (b'{ "a" : 1 ,\n "b":2 }', {"a": None}, b'{\n "b":2 }'),
        (b'{ "a" : 1 ,\n "b":2 }', {"a": None, "b": None}, b"{ }"),
        (b'{"a":1,"b":2,"c":3}', {"a": None, "b": None}, b'{"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"b": None, "d": b"4"}, b'{"a":1,"c":3,"d":4}'),
        (b'{"a":1}', {"a": None, "d": b"4"}, b'{"d":4}'),
        (b"{ }", {"d": b"4"}, b'{"d":4}'),
        (b'{"a":1}\n', {"d": b"4"}, b'{"a":1,"d":4}\n'),
    ],
)
def test_members_are_replaced_removed_and_added(body: bytes, edits: dict[str, bytes | None], expected: bytes) -> None:
    assert JsonObject(body, InvalidRequest).patch(edits) == expected


def test_the_head_ends_with_a_value() -> None:
    document = JsonObject(b'{"id":1, "model" : "x","rest":[]}', InvalidRequest)
    assert document.head("model") == b'{"id":1, "model" : "x"'


@given(made=objects(), again=values, place=st.booleans())
def test_a_key_that_is_there_twice_is_refused(made: tuple[bytes, dict[str, str]], again: str, place: bool) -> None:
    body, members = made
    if not members:
        return
    twice = json.dumps(next(iter(members))) + ":" + again
    inner = body.decode().strip()[1:-1]
    text = f"{{{twice},{inner}}}" if place else f"{{{inner},{twice}}}"
    with pytest.raises(InvalidRequest, match="ambiguous: "):
        JsonObject(text.encode(), InvalidRequest)


@pytest.mark.parametrize("body", [b'{"a":12,"a":1}', b'{"a":1,"\\u0061":1}', b'{"a":"x,\\"b\\":1","b":1,"a":"x"}'])
def test_no_spelling_hides_a_second_key(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="ambiguous"):
        JsonObject(body, InvalidRequest)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "found an empty body; expected a JSON object"),
        (b"<html>", "not valid JSON"),
        (b'{"a":1,}', "trailing comma"),
        (b'{"a":1} x', "trailing characters"),
        (b'{"a":01}', "invalid number"),
        (b"[1]", "found JSON that is not an object; expected an object"),
        (b"5", "found JSON that is not an object"),
        (b'{"\xff":1}', "not valid JSON"),
    ],
)
def test_what_is_no_object_is_refused_in_words(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        JsonObject(body, InvalidRequest)


@pytest.mark.parametrize(
    ("opening", "closing", "most"), [(b"[", b"]", 63), (b'{"a":', b"}", 63), (b'[ {"a":', b"}]", 31)]
)
def test_nesting_is_bounded(opening: bytes, closing: bytes, most: int) -> None:
    def nested(times: int) -> bytes:
        return b'{"a":' + opening * times + b"1" + closing * times + b"}"

    JsonObject(nested(most), InvalidRequest)
    for times in (most + 1, 500, 100_000):
        with pytest.raises(InvalidRequest, match=f"nested deeper than {MAX_DEPTH} levels"):
            JsonObject(nested(times), InvalidRequest)


@pytest.mark.parametrize("text", ["[" * 200, '\\"[' * 200, "\\\\" + "{" * 200, '[\\\\\\"' * 200])
def test_brackets_in_strings_are_no_nesting(text: str) -> None:
    body = f'{{"a":["{text}",{"[1]," * 100}0]}}'.encode()
    assert msgspec.json.decode(body)
    JsonObject(body, InvalidRequest)


def test_too_many_members_are_refused() -> None:
    body = json.dumps({str(number): 0 for number in range(MAX_MEMBERS + 1)}).encode()
    with pytest.raises(InvalidRequest, match=f"{MAX_MEMBERS + 1} members; expected at most {MAX_MEMBERS}"):
        JsonObject(body, InvalidRequest)


def test_the_steps_grow_with_the_keys_not_with_the_size() -> None:
    def steps(body: bytes) -> int:
        calls = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in {"call", "c_call"}

        sys.setprofile(count)
        JsonObject(body, InvalidRequest).patch({"model": b'"x"'})
        sys.setprofile(None)
        return calls

    small, large = (json.dumps({"model": "a", "text": "é" * size}).encode() for size in (10, 100_000))
    assert steps(large) == steps(small)


@pytest.mark.parametrize(
    ("body", "settled"),
    [
        (b'{"a":1,"b":2,"a":3}', b'{"a":3,"b":"x"}'),
        (b'{ "a" : 1, "\\u0061" : [3] ,"b":2}', b'{"a":[3],"b":"x"}'),
        (b'{ "a" : 1, "b":2}', b'{ "a" : 1, "b":"x"}'),
    ],
)
def test_in_a_lax_reading_the_last_of_two_keys_holds(body: bytes, settled: bytes) -> None:
    assert JsonObject(body, InvalidRequest, lax=True).patch({"b": b'"x"'}) == settled


@pytest.mark.parametrize(
    "text",
    [r"\ud800", r"\uDfff", r"\ud83d\ud83d", r"\ude00\ud83d", r"x\ud83dy", r"\\\ud83d", r"\ud83d\n", r"\ud83d\u0041"],
)
def test_in_a_lax_reading_half_a_surrogate_pair_stays(text: str) -> None:
    body = f'{{"a":1,"t":"{text}"}}'.encode()
    with pytest.raises(InvalidRequest):
        JsonObject(body, InvalidRequest)
    assert JsonObject(body, InvalidRequest, lax=True).patch({"a": b"2"}) == body.replace(b":1", b":2")


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_text_is_made_legible_half_by_half(text: str) -> None:
    read = msgspec.json.decode(legible(json.dumps(text).encode()))
    whole = json.loads(json.dumps(text))
    assert read == "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in whole)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "found an empty body"),
        (b" \n", "found an empty body"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "UTF-16"),
        ('{"a":1}'.encode("utf-16-le"), "UTF-16"),
        ('{"a":1}'.encode("utf-32-be"), "UTF-16 or UTF-32"),
        (rb'{"a":"x\ud800y"}', "half of a surrogate pair"),
        (rb'{"a":"x\udc00"}', "half of a surrogate pair"),
        (rb'{"a":"\ud83d\ude00"', "not valid JSON: Input data was truncated"),
        (b"{'a':1}", "not valid JSON: JSON is malformed"),
    ],
)
def test_what_is_no_json_is_told_in_words(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        JsonObject(body, InvalidRequest)
    assert "expected" in caught.value.message
