from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.bedrock_converse.citations import decode_citation, decode_cited, say_citation, say_cited
from gearshift.types.chat import Citation, Text
from gearshift.types.record import Loss

PAGE = Citation(url="https://a", title="A")


def test_a_page_is_said_and_heard() -> None:
    losses: list[Loss] = []
    said = say_cited("Hi", (PAGE, Citation(url="https://b")), "at", losses)
    heard = decode_cited(msgspec.json.decode(msgspec.json.encode(said), type=dict[str, Raw]))
    assert heard == Text(text="Hi", citations=(PAGE, Citation(url="https://b")))
    assert losses == []


def test_where_in_the_text_it_stands_is_lost() -> None:
    losses: list[Loss] = []
    say_citation(Citation(url="https://a", start=1, end=2), "at", losses)
    assert [(loss.field, loss.kind) for loss in losses] == [("at.citations", "dropped")]


@pytest.mark.parametrize("raw", [b"{}", b'{"location":{"documentPage":{"start":1}}}', b'{"location":{"web":{}}}', b"7"])
def test_a_place_in_a_document_has_no_noun_and_is_kept(raw: bytes) -> None:
    assert decode_citation(Raw(raw)) is None
    members = {"content": Raw(b'[{"text":"H"},{"text":"i"}]'), "citations": Raw(b"[%b]" % raw)}
    heard = decode_cited(members)
    assert (heard.text, heard.citations, heard.extra) == ("Hi", (), {"citations": Raw(b"[%b]" % raw)})
