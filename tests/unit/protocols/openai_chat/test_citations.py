from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.openai_chat.citations import say_citations, take_citations
from gearshift.types.chat import Citation

SPOKEN = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 1, "end_index": 2}}
PAGE = Citation(url="https://a", title="A", start=1, end=2)


def annotated(*spoken: object) -> dict[str, Raw]:
    return {"annotations": Raw(json.dumps(spoken).encode()), "odd": Raw(b"1")}


def test_a_page_is_cited_and_said_as_it_was() -> None:
    members = annotated(SPOKEN)
    assert take_citations(members) == (PAGE,)
    assert (list(members), say_citations([PAGE])) == (["odd"], [SPOKEN])


def test_a_text_behind_others_says_where_it_stands() -> None:
    (said,) = say_citations([PAGE], 10)
    assert said["url_citation"] == {"url": "https://a", "title": "A", "start_index": 11, "end_index": 12}
    (said,) = say_citations([Citation(url="https://a")], 10)
    assert said["url_citation"] == {"url": "https://a", "title": None}


def test_what_is_no_page_stays_where_it_was() -> None:
    other = {"type": "file_citation", "file_id": "f"}
    members = annotated(other, SPOKEN, 5)
    assert take_citations(members) == (PAGE,)
    assert json.loads(bytes(members["annotations"])) == [other, 5]


@pytest.mark.parametrize("spoken", [b"null", b"{}", b'"x"'])
def test_what_is_no_list_stays_where_it_was(spoken: bytes) -> None:
    members = {"annotations": Raw(spoken)}
    assert take_citations(members) == ()
    assert bytes(members["annotations"]) == spoken
    assert take_citations({}) == ()
