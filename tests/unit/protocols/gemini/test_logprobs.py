from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.gemini.logprobs import decode_logprobs, encode_logprobs

WIRE = {
    "chosenCandidates": [{"token": "a", "logProbability": -0.5}, {"token": "\u00e9", "logProbability": -1.0}],
    "topCandidates": [
        {"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "b", "logProbability": -2.5}]},
        {"candidates": []},
    ],
}
TOLD = {
    "content": [
        {
            "token": "a",
            "logprob": -0.5,
            "bytes": [97],
            "top_logprobs": [
                {"token": "a", "logprob": -0.5, "bytes": [97]},
                {"token": "b", "logprob": -2.5, "bytes": [98]},
            ],
        },
        {"token": "\u00e9", "logprob": -1.0, "bytes": [195, 169], "top_logprobs": []},
    ],
    "refusal": None,
}


def decoded(spoken: object) -> Raw | None:
    return decode_logprobs(Raw(json.dumps(spoken).encode()))


def test_probabilities_are_told_in_openais_form() -> None:
    told = decoded(WIRE)
    assert told is not None
    assert json.loads(bytes(told)) == TOLD


def test_probabilities_are_said_in_geminis_form() -> None:
    assert json.loads(bytes(encode_logprobs(Raw(json.dumps(TOLD).encode())))) == WIRE


def test_the_way_there_and_back_loses_nothing() -> None:
    told = decoded(WIRE)
    assert told is not None
    assert decode_logprobs(encode_logprobs(told)) == told


@pytest.mark.parametrize("tops", [{}, {"topCandidates": []}, {"topCandidates": [{}]}])
def test_tokens_without_others_have_none(tops: dict[str, object]) -> None:
    told = decoded({"chosenCandidates": WIRE["chosenCandidates"], **tops})
    assert told is not None
    assert [token["top_logprobs"] for token in json.loads(bytes(told))["content"]] == [[], []]


@pytest.mark.parametrize("spoken", [{}, {"chosenCandidates": []}, {"topCandidates": WIRE["topCandidates"]}, None, 5])
def test_what_says_no_probability_is_none(spoken: object) -> None:
    assert decoded(spoken) is None
    assert decode_logprobs(None) is None


@pytest.mark.parametrize(
    "chosen", [5, [5], [{"token": 5, "logProbability": 0}], [{"token": "a", "logProbability": "high"}]]
)
def test_what_cannot_be_read_costs_no_answer(chosen: object) -> None:
    assert decoded({"chosenCandidates": chosen}) is None


@pytest.mark.parametrize("spoken", [b"{}", b'{"content":null}', b'{"content":[]}', b"5", b'{"content":[{"token":5}]}'])
def test_what_has_no_tokens_is_said_as_none(spoken: bytes) -> None:
    assert json.loads(bytes(encode_logprobs(Raw(spoken)))) == {"chosenCandidates": [], "topCandidates": []}


def test_the_probabilities_of_a_refusal_are_said_too() -> None:
    told = {"content": None, "refusal": TOLD["content"]}
    assert json.loads(bytes(encode_logprobs(Raw(json.dumps(told).encode())))) == WIRE
