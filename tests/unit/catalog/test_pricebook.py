"""A book of prices from outside is whole and sound, or refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.catalog import prices
from gearshift.catalog.pricebook import PriceBook, read_book, shipped
from gearshift.types.catalog import Rates

TODAY = date(2026, 11, 27)
SOUND = {"input_mtok": 1.5, "output_mtok": {"base": 6, "tiers": [{"start": 200000, "price": 9}]}}


def payload(charged: object = SOUND, **member: object) -> list[Any]:
    model = {"id": "m-1", "match": {"or": [{"equals": "m-1"}, {"regex": "^m-1-\\d+$"}]}, "prices": charged, **member}
    return [{"id": "acme", "name": "Acme", "api_pattern": "https://api\\.acme\\.example", "models": [model]}]


def read(content: object) -> PriceBook:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_book(text, source="test", date="2026-11-27")


def test_a_sound_book_is_looked_up_like_the_shipped_one() -> None:
    book = read(payload())
    found = prices.look_up(book, "acme", "m-1-7", TODAY).price
    assert found is not None
    assert found.rates == Rates(input=1_500_000_000, output=6_000_000_000)
    assert [tier.above_input_tokens for tier in found.tiers] == [200_000]
    assert (found.source, found.date, book.models) == ("test", "2026-11-27", 1)


def test_the_shipped_book_knows_its_version_and_thousands_of_models() -> None:
    assert shipped().source.startswith("genai-prices 0.")
    assert shipped().models > 2000
    assert shipped().date is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "found no JSON"),
        (b"<html>", "found no JSON"),
        (b"[" * 100_000, "found no JSON"),
        (b'[{"models": NaN}]', "found no JSON"),
        ({}, "found no list"),
        ([], "found no list"),
        ([7], "found providers of another form"),
        ([{"id": "acme"}], "found providers of another form"),
        (payload("cheap"), "found providers of another form"),
        (payload({"input_mtok": "much"}), "found providers of another form"),
        (payload({"input_mtok": "NaN"}), "found"),
        (payload({"input_mtok": -1}), "found a input_mtok that is no price"),
        (payload({"input_mtok": 1_000_001}), "found a input_mtok that is no price"),
        (payload({"input_mtok": {"base": 1, "tiers": [{"start": 1, "price": -1}]}}), "found a input_mtok that is no"),
        (
            payload({"input_mtok": {"base": 1, "tiers": [{"start": 9, "price": 1}, {"start": 9, "price": 2}]}}),
            "found tiers of input_mtok that begin at one place",
        ),
        (payload([]), "found no price at all"),
        (payload(match={"regex": "(a+)+$"}), "found a pattern"),
        (payload(match={"regex": "a" * 301}), "found a pattern"),
        ([{**payload()[0], "models": []}], "found 0 models"),
    ],
)
def test_a_book_with_a_fault_is_refused_in_our_words(content: object, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read(content)


def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(ValueError, match="expected at most 16777216"):
        read(b"[" + b" " * 16_777_216)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["base", "tiers", "or", "id"]), inner),
)


@given(JSON, st.sampled_from(["prices", "match", "id", "context_window", "price_variants", "deprecated"]))
def test_whatever_stands_in_it_either_it_is_sound_or_it_is_refused(value: object, member: str) -> None:
    try:
        book = read(payload(**{member: value}))
    except ValueError:
        return
    found = prices.look_up(book, "acme", "m-1", TODAY)
    assert found.price is None or found.price.rates.input >= 0
