from __future__ import annotations

from typing import get_args

from gearshift.errors import CALLERS_FAULT, Kind
from gearshift.protocols import vocabulary


def test_every_word_is_written_as_it_is_compared() -> None:
    for word in (*vocabulary.WORDS, *vocabulary.STATUSES):
        assert word == word.strip().lower()
    for phrase, _ in (*vocabulary.OPENINGS, *vocabulary.PHRASES):
        assert phrase == phrase.lower()


def test_every_kind_that_words_name_has_a_rank_and_a_status() -> None:
    wordless = {"model_quota", "too_large"}  # told by the id of a quota, and by how a message begins
    assert set(vocabulary.PRECEDENCE) == set(vocabulary.WORDS.values())
    assert set(vocabulary.IMPLIED) == set(vocabulary.PRECEDENCE) | wordless
    assert set(get_args(Kind)) - set(vocabulary.IMPLIED) == {"rejected", "server"}
    assert len(vocabulary.PRECEDENCE) == len(set(vocabulary.PRECEDENCE))


def test_what_may_stand_anywhere_in_a_message_harms_nobody_but_who_wrote_it() -> None:
    assert {kind for _, kind in vocabulary.PHRASES} == {"context_overflow", "content_filter"}
    assert all(status is None or status in CALLERS_FAULT | {403, 500} for status in vocabulary.OF_THE_REQUEST)
