from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.anthropic_messages.usage import UNKNOWN, decode_counts, encode_usage, overdrawn
from gearshift.protocols.fields import raw
from gearshift.types.chat import Usage

SPOKEN = Raw(
    b'{"input_tokens":3,"cache_creation_input_tokens":4,"cache_read_input_tokens":5,"output_tokens":6,'
    b'"output_tokens_details":{"thinking_tokens":2},"service_tier":"standard"}'
)
USAGE = Usage(input_tokens=12, output_tokens=6, cache_read_tokens=5, cache_write_tokens=4, reasoning_tokens=2)


def test_cached_tokens_are_part_of_the_input_in_the_noun() -> None:
    assert decode_counts(SPOKEN).usage == USAGE
    assert encode_usage(USAGE)["input_tokens"] == 3


@pytest.mark.parametrize(
    "spoken", [b"null", b"{}", b"[]", b'{"input_tokens":3}', b'{"output_tokens":-1,"input_tokens":3}', b'{"a']
)
def test_counts_that_are_not_said_are_unknown(spoken: bytes) -> None:
    assert decode_counts(Raw(spoken)).usage is None


def test_later_counts_replace_earlier_ones_where_they_say_something() -> None:
    first = decode_counts(Raw(b'{"input_tokens":3,"output_tokens":1}'))
    last = first.later(decode_counts(Raw(b'{"output_tokens":9,"input_tokens":null}')))
    assert last.usage == Usage(input_tokens=3, output_tokens=9)


def test_an_estimate_says_so() -> None:
    estimated = Usage(input_tokens=1, output_tokens=2, estimated=True)
    assert encode_usage(estimated)["estimated"] is True
    assert "estimated" not in encode_usage(USAGE)


@pytest.mark.parametrize(
    ("made", "written", "hour"),
    [
        ('"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_1h_input_tokens":3}', 4, 3),
        ('"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":3}', 4, 3),
        ('"cache_creation_input_tokens":2,"cache_creation":{"ephemeral_1h_input_tokens":3}', 2, 2),
        ('"cache_creation_input_tokens":4,"cache_creation":null', 4, 0),
        ('"cache_creation_input_tokens":null,"cache_creation":{"ephemeral_1d_input_tokens":9}', 0, 0),
    ],
)
def test_tokens_written_for_an_hour_are_part_of_those_written(made: str, written: int, hour: int) -> None:
    usage = decode_counts(Raw(f'{{"input_tokens":1,"output_tokens":2,{made}}}'.encode())).usage
    assert usage == Usage(
        input_tokens=1 + written, output_tokens=2, cache_write_tokens=written, cache_write_1h_tokens=hour
    )
    assert decode_counts(raw(encode_usage(usage))).usage == usage


def test_a_stream_tells_what_was_written_for_an_hour_at_its_start_only() -> None:
    start = Raw(
        b'{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":4,'
        b'"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":4}}'
    )
    end = Raw(b'{"input_tokens":1,"cache_creation_input_tokens":4,"cache_read_input_tokens":0,"output_tokens":9}')
    usage = decode_counts(start).later(decode_counts(end)).usage
    assert usage == Usage(input_tokens=5, output_tokens=9, cache_write_tokens=4, cache_write_1h_tokens=4)


def test_more_cached_than_input_is_told_and_never_negative() -> None:
    odd = Usage(input_tokens=3, output_tokens=1, cache_read_tokens=5, cache_write_tokens=1)
    assert encode_usage(odd)["input_tokens"] == 0
    assert [(loss.field, loss.kind) for loss in overdrawn(odd)] == [("usage.input_tokens", "mapped")]
    assert overdrawn(USAGE) == []


def test_what_nobody_counted_is_no_number() -> None:
    assert decode_counts(raw(UNKNOWN)).usage is None
