from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.openai_responses.usage import decode_usage, encode_usage
from gearshift.types.chat import Usage

SPOKEN = Raw(
    b'{"input_tokens":12,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":4},"output_tokens":6,'
    b'"output_tokens_details":{"reasoning_tokens":2},"total_tokens":18,"odd":1}'
)
USAGE = Usage(input_tokens=12, output_tokens=6, cache_read_tokens=5, cache_write_tokens=4, reasoning_tokens=2)


def test_counts_and_what_they_do_not_cover() -> None:
    usage, rest = decode_usage(SPOKEN)
    assert (usage, rest) == (USAGE, {"odd": Raw(b"1")})
    assert encode_usage(USAGE)["total_tokens"] == 18


@pytest.mark.parametrize(
    "spoken", [b"null", b"{}", b'{"input_tokens":3}', b'{"input_tokens":-1,"output_tokens":1}', b"["]
)
def test_counts_that_are_not_said_are_unknown(spoken: bytes) -> None:
    assert decode_usage(Raw(spoken))[0] is None


def test_an_estimate_says_so() -> None:
    assert encode_usage(Usage(estimated=True))["estimated"] is True
    assert "estimated" not in encode_usage(USAGE)
