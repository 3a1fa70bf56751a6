"""Own the parts of an item's content: text, images, sounds, files and refusals, wire to nouns and back.

Invariants: as in `openai_chat.parts`.
Source: the OpenAI API reference, "Create a model response", `input` and `output` (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.fields import LIST, OBJECT, TEXT, Kind, Misfit, Spoken, each, keep, maybe, raw, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped
from gearshift.types.chat import Citation, Media, Part, Refusal, Text
from gearshift.types.record import Loss

CONTENT: Final[Kind[str | list[Members] | None]] = Kind(
    msgspec.json.Decoder(str | list[dict[str, Raw]] | None), "a string or a list of parts"
)
_BASE64_URL: Final = re.compile(r"data:([^;,]+);base64,")
_AUDIO: Final = {"mp3": "audio/mpeg"}
_FORMAT: Final = {media_type: name for name, media_type in _AUDIO.items()}
_EMPTY: Final = frozenset({b"", b"null", b"[]"})
LOGPROBS: Final = "logprobs"
ANNOTATIONS: Final = "annotations"


class Cited(Struct, forbid_unknown_fields=True):
    """Hold an annotation that cites a page."""

    type: Literal["url_citation"]
    url: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


_cited = msgspec.json.Decoder(Cited)


def decode_parts(spoken: Raw, name: str = "content") -> tuple[Text | Media | Refusal, ...]:
    """Give the parts of a content field."""
    content = CONTENT.read(spoken, name)
    if isinstance(content, str):
        return (Text(text=content),)
    return each(content or (), decode_part, name)


def decode_part(members: Members) -> Text | Media | Refusal:
    """Give one part; one without a noun is a file that holds it raw."""
    kind = take(members, "type", TEXT)
    decode = _DECODERS.get(kind)
    return unknown(kind, members) if decode is None else decode(members)


def unknown(kind: str, members: Members) -> Media:
    """Give a part that has no noun."""
    return Media(kind="file", extra={"type": raw(kind), **members})


def decode_citations(annotations: Sequence[Raw]) -> tuple[tuple[Citation, ...], list[Raw]]:
    """Give the pages that annotations cite, and apart those that are something else."""
    citations: list[Citation] = []
    others: list[Raw] = []
    for annotation in annotations:
        try:
            said = _cited.decode(annotation)
        except (msgspec.DecodeError, UnicodeDecodeError):
            others.append(annotation)
            continue
        citations.append(Citation(url=said.url, title=said.title, start=said.start_index, end=said.end_index))
    return tuple(citations), others


def say_citation(citation: Citation) -> Spoken:
    """Say a page that is cited."""
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


class Speaker:
    """Say parts; `losses` gains a line for what cannot be said."""

    def __init__(self, losses: list[Loss], *, to_caller: bool = False) -> None:
        """Speak to an upstream, or `to_caller`, who is told foreign signatures under seal."""
        self.losses = losses
        self.to_caller = to_caller

    def content(self, parts: Sequence[Part], at: str) -> str | list[Spoken]:
        """Say parts in the shortest way: a lone plain text is a string."""
        match parts:
            case [Text(text=text, cache=None, citations=(), extra=extra)] if not extra:
                return text
            case _:
                return [self._part(part, f"{at}.content[{place}]") for place, part in enumerate(parts)]

    def spoken(self, part: Part, at: str) -> Spoken:
        """Say a part of an answer."""
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text, **_rest(part)}
        if isinstance(part, Media) and "type" in part.extra:
            return {**_rest(part)}
        if not isinstance(part, Text):
            raise Misfit(at, "found media in an answer, expected text")
        if part.cache is not None:
            self.lose_mark(at)
        rest = _rest(part)
        annotations: list[object] = [say_citation(cited) for cited in part.citations]
        annotations += LIST.read(rest.pop(ANNOTATIONS), ANNOTATIONS) if ANNOTATIONS in rest else []
        return {"type": "output_text", "text": part.text, "annotations": annotations, **rest}

    def lose_mark(self, at: str) -> None:
        """Note a mark of the prompt cache, which this provider finds by itself."""
        self.losses.append(dropped(f"{at}.cache_control", "the provider finds what to cache by itself"))

    def _part(self, part: Part, at: str) -> Spoken:
        if isinstance(part, Text | Media) and part.cache is not None:
            self.lose_mark(at)
        match part:
            case Text():
                return {"type": "input_text", "text": part.text, **part.extra}
            case Refusal():
                return {"type": "refusal", "refusal": part.text, **part.extra}
            case Media():
                return self._media(part, at)
            case _:
                raise Misfit(at, "found thinking or tool calls outside an assistant's turn, which cannot be said here")

    def _media(self, media: Media, at: str) -> Spoken:
        if "type" in media.extra:
            return dict(media.extra)
        match media.kind:
            case "image":
                said: Spoken = {"type": "input_image", "detail": media.detail or "auto"}
                url = _url(media)
                return {**said, **({} if url is None else {"image_url": url}), **media.extra}
            case "audio" if media.data is None:
                raise Misfit(f"{at}.data", "found a sound without data, which cannot be said here; send its bytes")
            case "audio":
                sound = media.media_type or ""
                form = _FORMAT.get(sound, sound.removeprefix("audio/"))
                inner = {"data": media.data, "format": form}
                rest = OBJECT.read(media.extra["input_audio"], "input_audio") if "input_audio" in media.extra else {}
                return {"type": "input_audio", **media.extra, "input_audio": {**inner, **rest}}
            case _:
                named: Spoken = {} if media.name is None else {"filename": media.name}
                where: Spoken = {} if media.url is None else {"file_url": media.url}
                if media.data is not None:
                    where = {"file_data": _url(media)}
                return {"type": "input_file", **named, **where, **media.extra}


def _rest(part: Text | Refusal | Media) -> Members:
    return {name: value for name, value in part.extra.items() if name != "message"}


def _url(media: Media) -> str | None:
    if media.data is None:
        return media.url
    return media.data if media.media_type is None else f"data:{media.media_type};base64,{media.data}"


def _decode_text(members: Members) -> Text:
    text = take(members, "text", TEXT)
    citations: tuple[Citation, ...] = ()
    if bytes(members.get(ANNOTATIONS, Raw()))[:1] == b"[":
        citations, others = decode_citations(take(members, ANNOTATIONS, LIST))
        members |= {ANNOTATIONS: raw(others)} if others else {}
    if bytes(members.get(LOGPROBS, Raw())) in _EMPTY:
        members.pop(LOGPROBS, None)
    return Text(text=text, citations=citations, extra=members)


def _decode_refusal(members: Members) -> Refusal:
    return Refusal(text=take(members, "refusal", TEXT), extra=members)


def _decode_image(members: Members) -> Media:
    url, detail = maybe(members, "image_url", TEXT), maybe(members, "detail", TEXT)
    return _media("image", url, extra=members, detail=None if detail == "auto" else detail)


def _decode_audio(members: Members) -> Media:
    inner = take(members, "input_audio", OBJECT)
    data = take(inner, "data", TEXT, "input_audio.")
    form = take(inner, "format", TEXT, "input_audio.")
    keep(members, "input_audio", inner)
    return Media(kind="audio", data=data, media_type=_AUDIO.get(form, f"audio/{form}"), extra=members)


def _decode_file(members: Members) -> Media:
    name = maybe(members, "filename", TEXT)
    data, url = maybe(members, "file_data", TEXT), maybe(members, "file_url", TEXT)
    if data is not None and url is not None:
        members["file_url"] = raw(url)  # of both, the data is what all protocols can say
    if data is not None and not data.startswith("data:"):
        return Media(kind="file", data=data, name=name, extra=members)
    return _media("file", data or url, extra=members, name=name)


def _media(kind: str, url: str | None, *, extra: Members, name: str | None = None, detail: str | None = None) -> Media:
    """Tell base64 data from a true URL."""
    said: Spoken = {"kind": kind, "name": name, "detail": detail, "extra": extra}
    head = None if url is None else _BASE64_URL.match(url)
    if url is not None and head is not None:
        said |= {"data": url[head.end() :], "media_type": head[1]}
    else:
        said["url"] = url
    return msgspec.convert(said, Media)


_DECODERS: Final[dict[str, Callable[[Members], Text | Media | Refusal]]] = {
    "input_text": _decode_text,
    "output_text": _decode_text,
    "text": _decode_text,
    "refusal": _decode_refusal,
    "input_image": _decode_image,
    "input_audio": _decode_audio,
    "input_file": _decode_file,
}
