"""Own the parts of a message's content: text, images, sounds, files and refusals, wire to nouns and back.

Invariants: members without a noun stay in `extra`; what an inner object (`image_url`, `input_audio`, `file`) holds
beyond the noun stays in `extra` under the name of that object; a part of an unknown `type` is a `Media` of kind `file`
that carries all its members, `type` too, in `extra`, and is said again as it came.
Source: the OpenAI API reference, "Create chat completion" (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias, assert_never

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from gearshift.protocols.fields import (
    CACHE,
    OBJECT,
    TEXT,
    Kind,
    Misfit,
    Spoken,
    each,
    keep,
    mark,
    maybe,
    say_mark,
    take,
)
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Extra, Media, Refusal, Text

Piece: TypeAlias = Text | Media | Refusal

CONTENT: Final[Kind[str | list[Members] | None]] = Kind(
    msgspec.json.Decoder(str | list[dict[str, Raw]] | None), "a string or a list of parts"
)
_BASE64_URL: Final = re.compile(r"data:([^;,]+);base64,")
_AUDIO: Final = {"mp3": "audio/mpeg"}  # a format whose media type is not `audio/` + its name
_FORMAT: Final = {media_type: name for name, media_type in _AUDIO.items()}


def decode_content(raw: Raw, name: str = "content") -> tuple[Piece, ...] | None:
    """Give the parts of a content field, None for null."""
    content = CONTENT.read(raw, name)
    if isinstance(content, str):
        return (Text(text=content),)
    if content is None:
        return None
    return each(content, _decode_piece, name)


def encode_content(pieces: Sequence[Piece]) -> str | list[Spoken]:
    """Say parts in the shortest way: a lone plain text is a string."""
    match pieces:
        case [Text(text=text, cache=None, extra=extra)] if not extra:
            return text
        case _:
            return [_encode_piece(piece) for piece in pieces]


def _decode_piece(members: Members) -> Piece:
    decode = _DECODERS.get(TEXT.read(members["type"], "type")) if "type" in members else None
    if decode is not None:
        del members["type"]
        return decode(members)
    if "type" not in members:
        raise Misfit("type", f"missing, expected one of {', '.join(_DECODERS)}")
    return Media(kind="file", extra=members)


def _decode_text(members: Members) -> Text:
    return Text(text=take(members, "text", TEXT), cache=mark(members, CACHE), extra=members)


def _decode_refusal(members: Members) -> Refusal:
    return Refusal(text=take(members, "refusal", TEXT), extra=members)


def _decode_image(members: Members) -> Media:
    inner = take(members, "image_url", OBJECT)
    url = take(inner, "url", TEXT, "image_url.")
    detail = maybe(inner, "detail", TEXT, "image_url.")
    keep(members, "image_url", inner)
    return replace(_media("image", url, None, members), detail=detail)


def _decode_audio(members: Members) -> Media:
    inner = take(members, "input_audio", OBJECT)
    data = take(inner, "data", TEXT, "input_audio.")
    form = take(inner, "format", TEXT, "input_audio.")
    keep(members, "input_audio", inner)
    cache = mark(members, CACHE)
    return Media(kind="audio", data=data, media_type=_AUDIO.get(form, f"audio/{form}"), cache=cache, extra=members)


def _decode_file(members: Members) -> Media:
    inner = take(members, "file", OBJECT)
    data = maybe(inner, "file_data", TEXT, "file.")
    name = maybe(inner, "filename", TEXT, "file.")
    keep(members, "file", inner)
    if data is not None and not data.startswith(("data:", "http://", "https://")):
        return Media(kind="file", data=data, name=name, cache=mark(members, CACHE), extra=members)
    return _media("file", data, name, members)


_DECODERS: Final[dict[str, Callable[[Members], Piece]]] = {
    "text": _decode_text,
    "image_url": _decode_image,
    "input_audio": _decode_audio,
    "file": _decode_file,
    "refusal": _decode_refusal,
}
PART_TYPES: Final = tuple(_DECODERS)


def _media(kind: Literal["image", "file"], url: str | None, name: str | None, extra: Extra) -> Media:
    """Tell base64 data from a true URL."""
    cache = mark(extra, CACHE)
    if url is not None and (head := _BASE64_URL.match(url)):
        return Media(kind=kind, data=url[head.end() :], media_type=head[1], name=name, cache=cache, extra=extra)
    return Media(kind=kind, url=url, name=name, cache=cache, extra=extra)


def _encode_piece(piece: Piece) -> Spoken:
    match piece:
        case Text(text=text, extra=extra):
            return {"type": "text", "text": text, **say_mark(piece.cache), **extra}
        case Refusal(text=text, extra=extra):
            return {"type": "refusal", "refusal": text, **extra}
        case Media():
            return _encode_media(piece)
        case _:
            assert_never(piece)


def _encode_media(media: Media) -> Spoken:
    if "type" in media.extra:
        return dict(media.extra)
    match media.kind:
        case "image":
            image: Spoken = (
                {"url": _url(media)} if media.detail is None else {"url": _url(media), "detail": media.detail}
            )
            return _nested("image_url", image, media)
        case "audio" if media.data is None:
            raise Misfit(
                "input_audio.data", "found a sound without data, which this protocol cannot say; send its bytes"
            )
        case "audio":
            sound = media.media_type or ""
            form = _FORMAT.get(sound, sound.removeprefix("audio/"))
            return _nested("input_audio", {"data": media.data, "format": form}, media)
        case "file":
            inner = {"filename": media.name, "file_data": _url(media)}
            return _nested("file", {name: value for name, value in inner.items() if value is not None}, media)
        case _:
            assert_never(media.kind)


def _url(media: Media) -> str | None:
    if media.data is None or media.media_type is None:
        return media.url if media.data is None else media.data
    return f"data:{media.media_type};base64,{media.data}"


def _nested(kind: str, inner: Spoken, media: Media) -> Spoken:
    """Say a part whose members stand in an object of the part's own name, with what was kept of that object."""
    extra = media.extra
    rest = OBJECT.read(extra[kind], kind) if kind in extra else {}
    return {"type": kind, **say_mark(media.cache), **extra, kind: {**inner, **rest}}
