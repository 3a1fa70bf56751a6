"""Own where a text comes from: citations of pages, wire to noun and back.

A page is a noun, with what else is said of it (`cited_text`, `encrypted_index`) in its `extra`. Places in documents of
the request have no noun: they stay raw in the `extra` of their text.
Source: the Anthropic API reference, "Messages", `citations` (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Raw

from gearshift.protocols.fields import ABSENT, LIST, NULL, OBJECT, TEXT, Misfit, Spoken, maybe, take
from gearshift.protocols.losses import dropped
from gearshift.types.chat import Citation
from gearshift.types.record import Loss

CITATIONS: Final = "citations"
INDEX: Final = "encrypted_index"
_PAGE: Final = "web_search_result_location"
_EMPTY: Final = b'""'


def say_citation(citation: Citation, at: str, losses: list[Loss]) -> Spoken:
    """Say where a text comes from, as one of Anthropic's web search results."""
    if citation.start is not None or citation.end is not None:
        losses.append(dropped(f"{at}.citations", "Anthropic does not say where in the text they stand"))
    return {
        "type": _PAGE,
        "url": citation.url,
        "title": citation.title,
        "cited_text": "",
        INDEX: "",
        **citation.extra,
    }


def decode_citation(raw: Raw) -> Citation | None:
    """Give where a text comes from, None for a place in a document of the request."""
    try:
        members = OBJECT.read(raw, CITATIONS)
        if (maybe(members, "type", TEXT) or _PAGE) != _PAGE:
            return None
        url, title = take(members, "url", TEXT), maybe(members, "title", TEXT)
    except Misfit:
        return None
    return Citation(url=url, title=title, extra={name: raw for name, raw in members.items() if bytes(raw) != _EMPTY})


def decode_citations(raw: Raw) -> tuple[tuple[Citation, ...], list[Raw]]:
    """Give the pages that a text cites, and its other citations; raise Misfit where there is no list."""
    if bytes(raw) in {b"", NULL}:
        return (), []
    spoken = LIST.read(raw, CITATIONS)
    cited = [decode_citation(each) for each in spoken]
    others = [each for each, page in zip(spoken, cited, strict=True) if page is None]
    return tuple(page for page in cited if page is not None), others


def say_citations(pages: Iterable[Citation], others: Raw | None, at: str, losses: list[Loss]) -> list[object]:
    """Say the pages that a text cites, and what was kept of other citations."""
    rest = [] if others is None or bytes(others) in {bytes(ABSENT), NULL} else LIST.read(others, CITATIONS)
    return [*(say_citation(each, at, losses) for each in pages), *rest]
