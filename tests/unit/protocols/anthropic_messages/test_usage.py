from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.anthropic_messages.usage import decode_counts, encode_usage
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
