from __future__ import annotations

from base64 import b64decode
from math import isclose
from struct import unpack

import msgspec
import pytest

from gearshift.errors import InvalidRequest, UnknownModel
from gearshift.simulate.embed import CARD, DIMENSIONS, answer, embed


def near(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


def test_texts_that_share_words_are_near_each_other() -> None:
    assert isclose(near("The weather in Oslo", "the  weather in oslo"), 1.0)
    assert near("weather in Oslo", "the weather of Oslo today") > 0.5 > near("weather in Oslo", "quarterly tax return")
    assert embed("") == [0.0] * DIMENSIONS


def test_an_answer_has_openai_s_form() -> None:
    told = msgspec.json.decode(answer(b'{"model":"sim-embed","input":["Oslo","Lima"],"dimensions":8}'))
    assert [each["index"] for each in told["data"]] == [0, 1]
    assert told["data"][0]["embedding"] == pytest.approx(embed("Oslo", 8))
    assert told["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    packed = msgspec.json.decode(answer(b'{"model":"sim-embed","input":"Oslo","encoding_format":"base64"}'))
    numbers = unpack(f"<{DIMENSIONS}f", b64decode(packed["data"][0]["embedding"]))
    assert list(numbers) == pytest.approx(embed("Oslo"), abs=1e-6)


def test_it_says_that_it_is_simulated() -> None:
    assert (CARD.simulated, "SIMULATED" in CARD.description, "SIMULATED" in CARD.owned_by) == (True, True, True)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"model":"sim-embed","input":[1,2]}', InvalidRequest),
        (b'{"model":"sim-embed","input":"a","dimensions":0}', InvalidRequest),
        (b'{"model":"sim-embed","input":"a","encoding_format":"int8"}', InvalidRequest),
        (b"not JSON", InvalidRequest),
        (b'{"model":"calc","input":"a"}', UnknownModel),
    ],
)
def test_what_is_not_supported_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        answer(body)
