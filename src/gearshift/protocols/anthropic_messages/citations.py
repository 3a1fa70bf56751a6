"""Own where a text comes from: citations of pages, wire to noun and back.

Source: the Anthropic API reference, "Messages", `citations` (2026-11). Places in documents of the request have no noun.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import Spoken
from gearshift.protocols.losses import dropped
from gearshift.types.chat import Citation
from gearshift.types.record import Loss


def say_citation(citation: Citation, at: str, losses: list[Loss]) -> Spoken:
    """Say where a text comes from, as one of Anthropic's web search results."""
    if citation.start is not None or citation.end is not None:
        losses.append(dropped(f"{at}.citations", "Anthropic does not say where in the text they stand"))
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": "",
        "encrypted_index": "",
    }


class _Cited(Struct):
    url: str
    title: str | None = None


_cited = msgspec.json.Decoder(_Cited)


def decode_citation(raw: Raw) -> Citation | None:
    """Give where a text comes from, None for a place in a document of the request."""
    try:
        said = _cited.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Citation(url=said.url, title=said.title)
