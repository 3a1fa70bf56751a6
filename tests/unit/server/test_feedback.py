from __future__ import annotations

import json

import pytest

from gearshift.errors import InvalidRequest
from gearshift.server.feedback import MAX_TEXT, Judgement, read_judgement


def test_a_judgement_is_of_an_exchange_or_of_a_session() -> None:
    assert read_judgement(b'{"exchange_id":"gx-1","score":1,"label":"right"}') == Judgement(
        score=1.0, exchange_id="gx-1", label="right"
    )
    assert read_judgement(b'{"session_id":"s","score":0,"exchange_id":null}') == Judgement(score=0.0, session_id="s")
    longest = "x" * MAX_TEXT
    said = {"exchange_id": "a", "score": 0.5, "comment": longest}
    assert read_judgement(json.dumps(said).encode()).comment == longest


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (b"", None, "found an empty body; expected a JSON object"),
        (b"[]", None, "found JSON that is not an object; expected an object"),
        (b'{"score":0,"score":1,"exchange_id":"a"}', None, "ambiguous: the key 'score' is there twice; say it once"),
        (b'{"exchange_id":"a"}', "score", "score: missing, expected a number from 0 to 1"),
        (b'{"score":"1","exchange_id":"a"}', "score", "score: found a string, expected a number from 0 to 1"),
        (b'{"score":true,"exchange_id":"a"}', "score", "score: found a boolean, expected a number from 0 to 1"),
        (b'{"score":1e999,"exchange_id":"a"}', "score", "score: found 1e999, expected a number from 0 to 1"),
        (b'{"score":1.5,"exchange_id":"a"}', "score", "score: found 1.5, expected a number from 0 to 1"),
        (b'{"score":1,"exchange_id":7}', "exchange_id", "exchange_id: found a number, expected a string"),
        (b'{"score":1,"exchange_id":"a","label":[]}', "label", "label: found a list, expected a string"),
        (
            b'{"score":1,"exchange_id":"a","stars":1}',
            "stars",
            "stars: not known here, expected one of score, exchange_id, session_id, label, comment; leave it out",
        ),
        (b'{"score":1}', "exchange_id", "found neither of exchange_id and session_id, expected exactly one of them"),
        (
            b'{"score":1,"exchange_id":"a","session_id":"b"}',
            "exchange_id",
            "found both of exchange_id and session_id, expected exactly one of them",
        ),
        (
            b'{"score":1,"exchange_id":"a","comment":"%b"}' % (b"x" * 4001),
            "comment",
            "comment: found 4001 characters, expected at most 4000; shorten it",
        ),
    ],
)
def test_a_fault_names_its_field_in_words(body: bytes, param: str | None, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_judgement(body)
    assert (caught.value.message, caught.value.param) == (message, param)
