from __future__ import annotations

from msgspec import Raw

from gearshift.protocols.gemini.citations import decode_citations, say_citation
from gearshift.types.chat import Citation


def test_citations_are_taken_in_both_spellings() -> None:
    spoken = b'{"citations":[{"uri":"https://a","title":"A","startIndex":1,"endIndex":2}],"citationSources":[{"uri":"https://b"}]}'
    members = {"citationMetadata": Raw(spoken), "index": Raw(b"0")}
    assert decode_citations(members) == (
        Citation(url="https://a", title="A", start=1, end=2),
        Citation(url="https://b"),
    )
    assert set(members) == {"index"}


def test_what_cannot_be_read_stays_where_it_is() -> None:
    members = {"citationMetadata": Raw(b'{"citations":[{"license":"mit"}]}')}
    assert decode_citations(members) == ()
    assert set(members) == {"citationMetadata"}


def test_a_citation_says_what_is_known() -> None:
    assert say_citation(Citation(url="https://a", start=0)) == {"startIndex": 0, "uri": "https://a"}
