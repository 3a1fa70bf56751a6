"""Fuzz every reader a little: seeds, and bytes that hypothesis breaks them into. `make fuzz` does it at length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

SIGNS = b'"{}[]:,\r\xff'
WORDS = [*(bytes([sign]) for sign in SIGNS), b"null", b"-1", b"1e999", b"\\ud800", b"\n\n", b"data: "]


@st.composite
def broken(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """Give a seed with some of it cut out, doubled, or replaced by what readers stumble over."""
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.sampled_from([b"", data[start:end] * 2, *WORDS]) | st.binary(max_size=6))
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_it_reads_what_is_well_formed(name: str) -> None:
    found = list(seeds(name))
    assert found
    for seed in found:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_it_reads_what_is_broken(name: str) -> None:
    whole = list(seeds(name))

    @settings(max_examples=50)
    @given(data=broken(whole) | st.binary(max_size=64))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()
