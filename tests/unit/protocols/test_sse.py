from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.sse import (
    MAX_EVENT,
    MAX_LINE,
    Comment,
    Item,
    ServerEvent,
    SSEParser,
    encode_comment,
    encode_event,
)


def reference(data: bytes) -> list[Item]:
    """Follow the standard to the letter, on the whole stream at once."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    items: list[Item] = []
    buffer, event_type, last_id = b"", "", ""
    for line in text.split(b"\n")[:-1]:
        field, colon, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if line == b"":
            if buffer != b"":
                items.append(ServerEvent(buffer[:-1], event_type or "message", last_id))
            buffer, event_type = b"", ""
        elif field == b"" and colon:
            items.append(Comment(line[1:]))
        elif field == b"event":
            event_type = value.decode(errors="replace")
        elif field == b"data":
            buffer += value + b"\n"
        elif field == b"id" and b"\0" not in value:
            last_id = value.decode(errors="replace")
    return items


def parse(pieces: list[bytes]) -> list[Item]:
    parser = SSEParser()
    return [item for piece in pieces for item in parser.feed(piece)]


ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
fields = st.sampled_from(
    b"data: {}|data:x|data|data:|data:  two|: ping|:|event: error|id: 7|id|id: \0|retry: 9|unknown: 1|"
    b"data: \xff\xef\xbb\xbf||||data: [DONE]".split(b"|")
)
streams = st.builds(
    lambda mark, lines: mark + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(fields, ends), max_size=12),
)


@given(data=streams, cuts=st.lists(st.integers(0, 200), max_size=6))
def test_every_split_gives_what_the_standard_says(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert parse(pieces) == reference(data)
    assert parse([data[at : at + 1] for at in range(len(data))]) == reference(data)


@given(data=st.binary(max_size=64))
def test_any_bytes_at_all_are_parsed(data: bytes) -> None:
    assert parse([data]) == parse([data[at : at + 1] for at in range(len(data))]) == reference(data)


def test_plain_blocks_come_at_once() -> None:
    assert parse([b'data: {"a":1}\n\ndata: [DONE]\n\n']) == [ServerEvent(b'{"a":1}'), ServerEvent(b"[DONE]")]


def test_an_event_has_its_type_and_the_last_id() -> None:
    items = parse([b"id: 4\nevent: error\ndata: a\ndata: b\n\ndata: c\n\n"])
    assert items == [ServerEvent(b"a\nb", "error", "4"), ServerEvent(b"c", "message", "4")]


def test_what_has_no_blank_line_at_the_end_is_never_given() -> None:
    assert parse([b"data: a\n\ndata: lost\n"]) == [ServerEvent(b"a")]


@pytest.mark.parametrize(("value", "retry"), [(b"3000", 3000), (b"3s", None), (b"9" * 5000, None)])
def test_the_reconnection_time_is_kept(value: bytes, retry: int | None) -> None:
    parser = SSEParser()
    parser.feed(b"retry: " + value + b"\n\n")
    assert parser.retry == retry


@given(data=st.binary(max_size=20).filter(lambda data: b"\r" not in data))
def test_an_encoded_event_is_parsed_as_it_was(data: bytes) -> None:
    assert parse([encode_event(data)]) == [ServerEvent(data)]


def test_an_encoded_comment_is_parsed_as_it_was() -> None:
    assert parse([encode_comment(Comment(b" ping"))]) == [Comment(b" ping")]


@pytest.mark.parametrize("size", [1, 5, 7, 1000])
def test_named_and_bare_events_in_turns(size: int) -> None:
    data = b"event: a\ndata: 1\n\ndata: 2\n\nevent: b\ndata: 3\ndata: 4\n\nevent:c\ndata:5\n\nevent: \ndata: 6\n\n"
    data += b"event: d\n\nevent: e\n: f\ndata: 7\n\nevent: cut"
    told = parse([data[at : at + size] for at in range(0, len(data), size)])
    assert told == reference(data)
    names = ["a", "message", "b", "c", "message", "e"]
    assert [item.event for item in told if isinstance(item, ServerEvent)] == names


@pytest.mark.parametrize("size", [1 << 16, 1 << 22])
def test_a_line_beyond_its_bound_is_refused(size: int) -> None:
    data = b"data: " + b"x" * (MAX_LINE - 6)
    assert len(parse([data, b"\n\n"])) == 1
    data += b"y"
    for stream in (data, data + b"\n\n"):
        with pytest.raises(UpstreamInvalid, match=f"a line of more than {MAX_LINE} bytes"):
            parse([stream[at : at + size] for at in range(0, len(stream), size)])


def test_an_event_beyond_its_bound_is_refused() -> None:
    line = b"data: " + b"x" * (1 << 19) + b"\n"
    parser = SSEParser()
    for _ in range(MAX_EVENT // (1 << 19) - 1):
        parser.feed(line)
    with pytest.raises(UpstreamInvalid, match=f"an event of more than {MAX_EVENT} bytes"):
        parser.feed(line)


class Ledger(bytearray):
    """Count the bytes that are moved; refuse every way of looking through the buffer again."""

    moved = 0

    def __iadd__(self, more: object) -> Self:
        assert isinstance(more, bytes)
        Ledger.moved += len(more)
        self.extend(more)
        return self

    def __bytes__(self) -> bytes:
        Ledger.moved += len(self)
        return bytes(memoryview(self))

    def find(self, *_: object) -> int:
        raise AssertionError("the buffer is searched again")

    split = index = startswith = partition = find  # type: ignore[assignment]


class CountingParser(SSEParser):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._line = Ledger()


def work(size: int) -> tuple[int, int]:
    """Give the calls made and the bytes moved for an event of `size` bytes, fed byte by byte."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    data = b"data: " + b"x" * (size - 6) + b"\n\n"
    Ledger.moved = 0
    parser = CountingParser()
    items = 0
    sys.setprofile(count)
    for at in range(len(data)):
        items += len(parser.feed(data[at : at + 1]))
    sys.setprofile(None)
    assert items == 1
    return calls, Ledger.moved


def test_the_work_is_linear_even_byte_by_byte() -> None:
    calls, moved = work(2_000)
    calls_of_double, moved_of_double = work(4_000)
    assert calls_of_double <= 2 * calls
    assert moved_of_double == 2 * moved


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (b"data: a\n\n", b""),
        (b"data: a\n", b"a"),
        (b"data: a\r\n", b"a"),
        (b"data:a", b"a"),
        (b"data: a\ndata: b", b"a\nb"),
        (b"event: x", b""),
        (b"", b""),
    ],
)
def test_what_the_end_of_input_cut_can_be_asked_for(data: bytes, cut: bytes) -> None:
    parser = SSEParser()
    parser.feed(data)
    assert parser.cut() == cut
