"""Own where a text comes from: the `citationsContent` of an answer, wire to noun and back.

Source: botocore's model of bedrock-runtime, `CitationsContentBlock`, `CitationLocation` (2026-11). Places in documents
of the request have no noun.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import OBJECTS, TEXT, Spoken, maybe, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.types.chat import Citation, Text
from gearshift.types.record import Loss


class _Web(Struct):
    url: str | None = None


class _Location(Struct):
    web: _Web | None = None


class _Cited(Struct):
    title: str | None = None
    location: _Location | None = None


_cited = msgspec.json.Decoder(_Cited)


def say_cited(text: str, citations: tuple[Citation, ...], at: str, losses: list[Loss]) -> Spoken:
    """Say a text with where it comes from."""
    said = [say_citation(each, at, losses) for each in citations]
    return {"content": [{"text": text}], "citations": said}


def say_citation(citation: Citation, at: str, losses: list[Loss]) -> Spoken:
    """Say where a text comes from, as a page of the web."""
    if citation.start is not None or citation.end is not None:
        losses.append(dropped(f"{at}.citations", "Converse does not say where in the text they stand"))
    title: Spoken = {} if citation.title is None else {"title": citation.title}
    return {**title, "location": {"web": {"url": citation.url}}}


def decode_cited(members: Members) -> Text:
    """Give a text with where it comes from; places that are no pages stay in `extra`."""
    pieces = [maybe(piece, "text", TEXT, "content.") or "" for piece in take(members, "content", OBJECTS)]
    spoken = members.pop("citations", Raw(b"[]"))
    cited = [decode_citation(raw) for raw in msgspec.json.decode(spoken, type=list[Raw])]
    known = tuple(each for each in cited if each is not None)
    extra = {} if len(known) == len(cited) else {"citations": spoken}
    return Text(text="".join(pieces), citations=known, extra={**members, **extra})


def decode_citation(raw: Raw) -> Citation | None:
    """Give where a text comes from, None for what is no page of the web."""
    try:
        said = _cited.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if said.location is None or said.location.web is None or not said.location.web.url:
        return None
    return Citation(url=said.location.web.url, title=said.title)
