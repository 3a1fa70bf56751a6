from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.gemini.usage import decode_usage, encode_usage
from gearshift.types.chat import Usage

SPOKEN = Raw(
    b'{"promptTokenCount":10,"candidatesTokenCount":4,"thoughtsTokenCount":2,"cachedContentTokenCount":5,'
    b'"toolUsePromptTokenCount":2,"totalTokenCount":18,"trafficType":"ON_DEMAND"}'
)


def test_thoughts_are_part_of_the_output_in_the_noun() -> None:
    usage, rest = decode_usage(SPOKEN)
    assert usage == Usage(input_tokens=12, output_tokens=6, cache_read_tokens=5, reasoning_tokens=2)
    assert rest == {"trafficType": Raw(b'"ON_DEMAND"')}
    assert usage is not None
    said = encode_usage(usage)
    assert (said["candidatesTokenCount"], said["thoughtsTokenCount"], said["totalTokenCount"]) == (4, 2, 18)


def test_an_answer_without_text_has_no_candidates_tokens() -> None:
    assert decode_usage(Raw(b'{"promptTokenCount":3,"totalTokenCount":3}'))[0] == Usage(input_tokens=3)


@pytest.mark.parametrize("spoken", [b"null", b"{}", b'{"totalTokenCount":3}', b'{"promptTokenCount":-1}', b"["])
def test_counts_that_are_not_said_are_unknown(spoken: bytes) -> None:
    assert decode_usage(Raw(spoken))[0] is None


def test_an_estimate_says_so() -> None:
    assert encode_usage(Usage(estimated=True))["estimated"] is True
