from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.bedrock_converse.usage import decode_usage, encode_usage
from gearshift.types.chat import Usage

SAID = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 22,
    "cacheReadInputTokens": 4,
    "cacheWriteInputTokens": 3,
}
NOUN = Usage(input_tokens=17, output_tokens=5, cache_read_tokens=4, cache_write_tokens=3)


def test_cached_tokens_are_part_of_the_nouns_input_and_not_of_the_wires() -> None:
    assert encode_usage(NOUN) == SAID
    raw = b'{"inputTokens":10,"outputTokens":5,"totalTokens":22,"cacheReadInputTokens":4,"cacheWriteInputTokens":3}'
    assert decode_usage(Raw(raw)) == NOUN


def test_what_we_counted_is_said_to_be_ours() -> None:
    assert encode_usage(Usage(input_tokens=1, estimated=True))["estimated"] is True
    assert decode_usage(Raw(b'{"inputTokens":1,"outputTokens":2,"estimated":true}')) == Usage(
        input_tokens=1, output_tokens=2, estimated=True
    )


@pytest.mark.parametrize("raw", [b"null", b"{}", b'{"inputTokens":1}', b'{"inputTokens":-1,"outputTokens":2}', b"[1]"])
def test_counts_that_are_missing_are_unknown_never_zero(raw: bytes) -> None:
    assert decode_usage(Raw(raw)) is None
