"""Own images, sounds and documents: wire to noun and back.

Invariants: Converse takes bytes, and objects of S3; a URL of the web is refused, for nobody here fetches it. A document
must have a name of few characters, each once: one without is numbered.
Source: botocore's model of bedrock-runtime, `ImageBlock`, `AudioBlock`, `DocumentBlock` (2026-11).
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final, Literal, TypeAlias

from msgspec import Raw

from gearshift.protocols.fields import ABSENT, OBJECT, TEXT, Misfit, Spoken, maybe, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.losses import dropped, mapped
from gearshift.types.chat import Media
from gearshift.types.record import Loss

Kind: TypeAlias = Literal["image", "audio", "file"]
FORMATS: Final[dict[Kind, dict[str, str]]] = {
    "image": {
        "image/png": "png",
        "image/jpg": "jpeg",
        "image/jpeg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
    },
    "audio": {
        "audio/mp3": "mp3",
        "audio/mpeg": "mp3",
        "audio/x-wav": "wav",
        "audio/wav": "wav",
        "audio/ogg": "ogg",
        "audio/flac": "flac",
        "audio/aac": "aac",
        "audio/opus": "opus",
        "audio/webm": "webm",
    },
    "file": {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    },
}
"""The word for each media type, by the kind of media; of several types with one word the last is the usual one."""
WORDS: Final[dict[Kind, str]] = {"image": "image", "audio": "audio", "file": "document"}
"""The block of each kind."""
_TYPES: Final = {kind: {word: type_ for type_, word in formats.items()} for kind, formats in FORMATS.items()}
_S3: Final = "s3://"
_UNNAMED: Final = re.compile(r"document \d+")
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")
_BLANKS: Final = re.compile(r"\s+")
_LONGEST_NAME: Final = 200


class Shelf:
    """Say media; `losses` gains a line for what cannot be said. One serves a whole request: names are given once."""

    def __init__(self, losses: list[Loss]) -> None:
        """Begin a request."""
        self._losses = losses
        self._names: set[str] = set()

    def say(self, media: Media, at: str) -> Spoken:
        """Say one piece of media as a block."""
        formats = FORMATS[media.kind]
        word = formats.get(media.media_type or "")
        source = _source(media, at)
        if word is None:
            found = (media.media_type or "no media type")[:60]
            raise Misfit(at, f"found {found} of {WORDS[media.kind]}, Converse takes {', '.join(formats)}")
        if media.detail is not None:
            self._losses.append(dropped(f"{at}.detail", "Converse has no word for it"))
        name: Spoken = {}
        if media.kind == "file":
            name = {"name": self._name(media.name, at)}
        elif media.name is not None:
            self._losses.append(dropped(f"{at}.name", "only a document has a name"))
        return {WORDS[media.kind]: {"format": word, **name, **media.extra, "source": source}}

    def _name(self, name: str | None, at: str) -> str:
        """Give a document a name that Converse takes, and that no other document of the request has."""
        said = _BLANKS.sub(" ", _NOT_IN_NAME.sub("-", name or "")).strip()[:_LONGEST_NAME]
        if not said or said in self._names:
            said = f"document {len(self._names) + 1}"
        if name is not None and said != name:
            self._losses.append(mapped(f"{at}.name", f"said as {said}"))
        self._names.add(said)
        return said


def _source(media: Media, at: str) -> Spoken:
    if media.data is not None:
        return {"bytes": media.data}
    url = media.url or ""
    if url.startswith(_S3):
        return {"s3Location": {"uri": url}}
    raise Misfit(at, f"found a URL, Converse takes the bytes of {WORDS[media.kind]}; send it as base64, or name s3://")


def decode_media(kind: Kind, members: Members) -> Media:
    """Give the noun of an image, a sound or a document."""
    word = maybe(members, "format", TEXT)
    name = maybe(members, "name", TEXT)
    source = take(members, "source", OBJECT)
    data, url = maybe(source, "bytes", TEXT, "source."), None
    media_type = None if word is None else _TYPES[kind].get(word)
    if "text" in source and kind == "file":
        data = b64encode(take(source, "text", TEXT, "source.").encode()).decode()
        media_type = media_type or "text/plain"
    if "s3Location" in source:
        place = take(source, "s3Location", OBJECT, "source.")
        url = take(place, "uri", TEXT, "source.s3Location.")
    if data is None and url is None:
        raise Misfit("source", "found no bytes and no s3Location, expected one of them")
    if word is not None and media_type is None:
        members["format"] = Raw(b'"%b"' % word[:40].encode()) if word.isalnum() else ABSENT
    return Media(
        kind=kind,
        data=data,
        url=url,
        media_type=media_type,
        name=None if name is None or _UNNAMED.fullmatch(name) else name,
        extra={key: raw for key, raw in members.items() if bytes(raw)},
    )
