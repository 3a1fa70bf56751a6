"""Own where a text comes from: `annotations`, wire to noun and back.

Invariant: an annotation that is no `url_citation` is left where it was.
Source: OpenAI API reference, "Chat completion object", `message.annotations`; streamed as `delta.annotations`, "Web
search" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import NULL, Spoken, raw
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Citation

ANNOTATIONS: Final = "annotations"
_KIND: Final = "url_citation"


class _Cited(Struct):
    url: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Annotation(Struct):
    type: str
    url_citation: _Cited


_list = msgspec.json.Decoder(list[Raw])
_annotation = msgspec.json.Decoder(_Annotation)


def take_citations(members: Members) -> tuple[Citation, ...]:
    """Take the pages that a message cites out of its annotations."""
    try:
        spoken = _list.decode(members.get(ANNOTATIONS, NULL))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    cited = [_decode(each) for each in spoken]
    rest = [each for each, page in zip(spoken, cited, strict=True) if page is None]
    del members[ANNOTATIONS]
    if rest:
        members[ANNOTATIONS] = raw(rest)
    return tuple(page for page in cited if page is not None)


def say_citations(citations: Iterable[Citation], before: int = 0) -> list[Spoken]:
    """Say the pages that a text cites, which stands behind `before` other characters."""
    return [{"type": _KIND, _KIND: _cited(each, before)} for each in citations]


def _cited(citation: Citation, before: int) -> Spoken:
    said: Spoken = {"url": citation.url, "title": citation.title}
    places = {"start_index": citation.start, "end_index": citation.end}
    return said | {name: place + before for name, place in places.items() if place is not None}


def _decode(spoken: Raw) -> Citation | None:
    try:
        said = _annotation.decode(spoken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    page = said.url_citation
    if said.type != _KIND:
        return None
    return Citation(url=page.url, title=page.title, start=page.start_index, end=page.end_index)
