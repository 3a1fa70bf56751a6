from __future__ import annotations

from msgspec import Raw

from gearshift.protocols.anthropic_messages.citations import decode_citation, say_citation
from gearshift.types.chat import Citation
from gearshift.types.record import Loss


def test_a_page_is_cited() -> None:
    spoken = (
        b'{"type":"web_search_result_location","url":"https://a","title":"A","cited_text":"x","encrypted_index":"e"}'
    )
    assert decode_citation(Raw(spoken)) == Citation(url="https://a", title="A")


def test_a_place_in_a_document_is_none() -> None:
    assert decode_citation(Raw(b'{"type":"char_location","cited_text":"x","document_index":0}')) is None
    assert decode_citation(Raw(b'"x"')) is None


def test_where_in_the_text_a_citation_stands_is_lost() -> None:
    losses: list[Loss] = []
    said = say_citation(Citation(url="https://a", title="A", start=1, end=2), "content[0]", losses)
    assert (said["url"], said["title"], said["type"]) == ("https://a", "A", "web_search_result_location")
    assert [loss.field for loss in losses] == ["content[0].citations"]
    say_citation(Citation(url="https://a"), "content[0]", losses)
    assert len(losses) == 1
