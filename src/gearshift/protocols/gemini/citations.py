"""Own where a text comes from: citations of pages, wire to noun and back.

Source: the Gemini API reference, "Generating content", `CitationMetadata` (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gearshift.protocols.fields import Spoken
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Citation


def say_citation(citation: Citation) -> Spoken:
    """Say where a text comes from."""
    said = {"startIndex": citation.start, "endIndex": citation.end, "uri": citation.url, "title": citation.title}
    return {name: value for name, value in said.items() if value is not None}


class _Source(Struct, rename="camel"):
    uri: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Citations(Struct, rename="camel"):
    citations: list[_Source] = []
    citation_sources: list[_Source] = []


_cited = msgspec.json.Decoder(_Citations)


def decode_citations(members: Members) -> tuple[Citation, ...]:
    """Take where the text of a candidate comes from."""
    if "citationMetadata" not in members:
        return ()
    try:
        said = _cited.decode(members["citationMetadata"])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    del members["citationMetadata"]
    return tuple(
        Citation(url=each.uri, title=each.title, start=each.start_index, end=each.end_index)
        for each in (*said.citations, *said.citation_sources)
    )
