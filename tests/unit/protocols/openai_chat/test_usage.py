from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.openai_chat.usage import decode_usage, encode_usage, peek_usage
from gearshift.types.chat import Usage

PLAIN = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def raw(said: object) -> Raw:
    return Raw(json.dumps(said).encode())


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (PLAIN, Usage(input_tokens=10, output_tokens=4)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
        (
            PLAIN | {"prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 3}},
            Usage(input_tokens=10, output_tokens=4, cache_read_tokens=6, cache_write_tokens=3),
        ),
        (
            PLAIN | {"prompt_tokens_details": {"cached_tokens": None}, "prompt_cache_hit_tokens": 6},
            Usage(input_tokens=10, output_tokens=4, cache_read_tokens=6),
        ),
        (PLAIN | {"prompt_cache_hit_tokens": 6}, Usage(input_tokens=10, output_tokens=4, cache_read_tokens=6)),
        (
            PLAIN | {"completion_tokens_details": {"reasoning_tokens": 3}, "prompt_tokens_details": None},
            Usage(input_tokens=10, output_tokens=4, reasoning_tokens=3),
        ),
        (PLAIN | {"estimated": True}, Usage(input_tokens=10, output_tokens=4, estimated=True)),
    ],
)
def test_counts_are_understood_in_every_spelling(said: dict[str, object], usage: Usage) -> None:
    assert peek_usage(raw(said)) == usage


@pytest.mark.parametrize("total", [26, None])
def test_reasoning_counted_beside_the_completion_is_output_too(total: int | None) -> None:
    said = {"prompt_tokens": 10, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 12}}
    spoken = said if total is None else said | {"total_tokens": total}
    assert peek_usage(raw(spoken)) == Usage(input_tokens=10, output_tokens=16, reasoning_tokens=12)


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "many",
        {},
        {"total_tokens": 14},
        {"prompt_tokens": 10},
        PLAIN | {"prompt_tokens": -1},
        PLAIN | {"completion_tokens": 1.5},
        PLAIN | {"completion_tokens": None},
        PLAIN | {"prompt_tokens": 2**53 + 1},
        PLAIN | {"prompt_tokens": "10"},
        PLAIN | {"prompt_tokens_details": {"cached_tokens": 11}},
        PLAIN | {"prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 6}},
        PLAIN | {"completion_tokens_details": {"reasoning_tokens": -2}},
    ],
)
def test_counts_that_cannot_be_are_unknown_never_zero(said: object) -> None:
    assert peek_usage(raw(said)) is None
    usage, rest = decode_usage(raw(said))
    assert usage is None
    kept = said if isinstance(said, dict) else {}
    assert msgspec.json.decode(msgspec.json.encode(encode_usage(None, rest))) == kept


def test_no_usage_object_is_no_usage() -> None:
    assert peek_usage(None) is None


def test_what_has_no_noun_is_kept_beside_the_counts() -> None:
    said = PLAIN | {
        "prompt_tokens_details": {"cached_tokens": 6, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2, "image_tokens": 1},
        "cost": 0.5,
    }
    usage, rest = decode_usage(raw(said))
    assert usage == Usage(input_tokens=10, output_tokens=4, cache_read_tokens=6, reasoning_tokens=2)
    assert set(rest) == {"prompt_tokens_details", "completion_tokens_details", "cost"}
    assert msgspec.json.decode(msgspec.json.encode(encode_usage(usage, rest))) == said


def test_counts_are_said_in_openais_words() -> None:
    usage = Usage(input_tokens=10, output_tokens=4, cache_write_tokens=3, estimated=True)
    assert encode_usage(usage, {}) == PLAIN | {
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "estimated": True,
    }
