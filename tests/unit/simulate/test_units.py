from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.units import MAX_CHARACTERS, NOT_COMPARABLE, Conversion, convert, find_unit


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("convert 5 miles to km", "8.04672"),
        ("How many seconds are in 3 hours?", "10800"),
        ("how many seconds in 3 hours", "10800"),
        ("How many feet are there in a mile?", "5280"),
        ("How many kilometers is 10 miles?", "16.09344"),
        ("10 miles is how many kilometers?", "16.09344"),
        ("What is 6 feet in inches?", "72"),
        ("12 in in feet", "1"),
        ("60 mph in km/h", "96.56064"),
        ("10 m/s to kilometers per hour", "36"),
        ("5 square meters in square centimeters", "50000"),
        ("1 m^2 to cm2", "10000"),
        ("1 m\u00b3 to liters", "1000"),
        ("How many square feet are in an acre?", "43560"),
        ("20\u00b0C in \u00b0F", "68"),
        ("-40 degrees Celsius to Fahrenheit", "-40"),
        ("0 C to kelvin", "273.15"),
        ("1 GiB in MB", "1073.741824"),
        ("half an hour in minutes", "30"),
        ("1/2 cup in tablespoons", "8"),
        ("3,500 grams in kg", "3.5"),
        ("How many hours are in two days?", "48"),
        ("2 metric tons in kilograms", "2000"),
        ("1 light year in km", "9460730472580.8"),
    ],
)
def test_a_phrase_is_converted_exactly(question: str, result: str) -> None:
    conversion = convert(question)
    assert isinstance(conversion, Conversion)
    assert conversion.result == Fraction(result)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is 17 * 23?",
        "How many people are in 3 cars?",
        "5 blips to km",
        "x" * (MAX_CHARACTERS + 1),
        "1.2.3 m to km",
    ],
)
def test_other_questions_are_left_alone(question: str) -> None:
    assert convert(question) is None


def test_units_of_different_things_are_not_comparable() -> None:
    assert convert("3 km to kg") == NOT_COMPARABLE


@pytest.mark.parametrize("name", ["square kg", "celsius per hour", "furlongs per zorp", "square", "/", ""])
def test_units_that_make_no_sense_are_unknown(name: str) -> None:
    assert find_unit(name) is None


@given(
    st.sampled_from(["meter", "feet", "miles", "light years", "inches"]),
    st.sampled_from(["km", "yards", "cm", "nautical miles"]),
    st.integers(1, 10**6),
)
def test_there_and_back_is_the_same(source: str, target: str, amount: int) -> None:
    there = convert(f"{amount} {source} to {target}")
    one_back = convert(f"1 {target} to {source}")
    assert isinstance(there, Conversion)
    assert isinstance(one_back, Conversion)
    assert there.result * one_back.result == amount


@given(st.text(max_size=250))
def test_any_text_is_safe(text: str) -> None:
    assert isinstance(convert(text), Conversion | str | None)
