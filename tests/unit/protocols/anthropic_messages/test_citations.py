from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.anthropic_messages.citations import (
    decode_citation,
    decode_citations,
    say_citation,
    say_citations,
)
from gearshift.protocols.fields import Misfit
from gearshift.types.chat import Citation
from gearshift.types.record import Loss

SPOKEN = b'{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"x","encrypted_index":"e"}'
PAGE = Citation(url="https://a", title="A", extra={"cited_text": Raw(b'"x"'), "encrypted_index": Raw(b'"e"')})


def test_a_page_is_cited_and_said_as_it_was() -> None:
    assert decode_citation(Raw(SPOKEN)) == PAGE
    assert say_citation(PAGE, "at", []) == {
        "type": "web_search_result_location",
        "url": "https://a",
        "title": "A",
        "cited_text": Raw(b'"x"'),
        "encrypted_index": Raw(b'"e"'),
    }


def test_a_place_in_a_document_is_none() -> None:
    assert decode_citation(Raw(b'{"type":"char_location","cited_text":"x","document_index":0}')) is None
    assert decode_citation(Raw(b'{"type":"a_place_to_come","url":"https://a"}')) is None
    assert decode_citation(Raw(b'"x"')) is None


def test_pages_and_other_places_are_told_apart() -> None:
    place = Raw(b'{"type":"page_location"}')
    assert decode_citations(Raw(b"[%b,%b]" % (SPOKEN, bytes(place)))) == ((PAGE,), [place])
    assert decode_citations(Raw(b"null")) == decode_citations(Raw()) == decode_citations(Raw(b"[]")) == ((), [])
    with pytest.raises(Misfit, match="citations"):
        decode_citations(Raw(b"{}"))
    assert say_citations((), Raw(b"[%b]" % bytes(place)), "at", []) == [place]
    assert say_citations((), None, "at", []) == say_citations((), Raw(b"null"), "at", []) == []


def test_where_in_the_text_a_citation_stands_is_lost() -> None:
    losses: list[Loss] = []
    said = say_citation(Citation(url="https://a", title="A", start=1, end=2), "content[0]", losses)
    assert (said["url"], said["title"], said["type"]) == ("https://a", "A", "web_search_result_location")
    assert [loss.field for loss in losses] == ["content[0].citations"]
    say_citation(Citation(url="https://a"), "content[0]", losses)
    assert len(losses) == 1
