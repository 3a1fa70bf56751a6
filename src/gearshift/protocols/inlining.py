"""Own putting bytes in the place of URLs, for an upstream that takes some media by their bytes only.

    Request ─ wanted ─> URLs ─ (somebody fetches) ─> data ─ inlined ─> Request

Invariants: only URLs of the web are meant: `s3:`, `gs:` and the like are for who has them. The same URL is wanted once.
What was fetched is told by its bytes; what it is said to be must agree.
Sources: WHATWG, "MIME Sniffing", section 6 (2026-11), for the first bytes of each type.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from gearshift.protocols.places import inner
from gearshift.types.chat import Media, Message, Part, Request, ToolResult

_WEB: Final = ("http://", "https://")
_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
)
"""Where a type shows, by what bytes."""
_ALIASES: Final = {
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "application/ogg": "audio/ogg",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "application/x-pdf": "application/pdf",
}
_UNSAID: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What servers say of a type that they do not know."""
_ZIPPED: Final = "application/vnd.openxmlformats-officedocument."
_ZIP: Final = b"PK\x03\x04"
_OLD: Final = frozenset({"application/msword", "application/vnd.ms-excel"})
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXPECTED: Final = {
    "image": "an image: PNG, JPEG, GIF or WebP",
    "audio": "a sound: MP3, WAV, Ogg or FLAC",
    "file": "a document: PDF, UTF-8 text, or one of an office program",
}


class Want(Struct, frozen=True):
    """Hold a URL whose bytes are wanted, and the kind of media that it must lead to; `at` is where it was said."""

    url: str
    kind: str
    at: str


Given: TypeAlias = Mapping[str, tuple[str, bytes]]
"""The media type and the bytes behind each URL."""


def wanted(request: Request, kinds: frozenset[str]) -> tuple[Want, ...]:
    """Give each URL of the web that stands for media of one of `kinds`, once for each kind that it must be."""
    if not kinds:
        return ()
    found: dict[tuple[str, str], Want] = {}
    for at, message in enumerate(request.messages):
        for number, media in _media(message.parts):
            if media.kind in kinds and is_web(media):
                where = inner(request, at, number)
                found.setdefault((media.url or "", media.kind), Want(media.url or "", media.kind, where))
    return tuple(found.values())


def is_web(media: Media) -> bool:
    """Say whether media is somewhere on the web."""
    return media.data is None and media.url is not None and media.url[:8].lower().startswith(_WEB)


def _media(parts: tuple[Part, ...]) -> Iterator[tuple[int, Media]]:
    """Give media with the place of the part that it is, or is in."""
    for number, part in enumerate(parts):
        if isinstance(part, Media):
            yield number, part
        elif isinstance(part, ToolResult):
            yield from ((number, each) for each in part.parts if isinstance(each, Media))


def inlined(request: Request, kinds: frozenset[str], given: Given) -> Request:
    """Give the request with what is behind its URLs in their places."""
    messages = tuple(_message(message, kinds, given) for message in request.messages)
    return replace(request, messages=messages)


def _message(message: Message, kinds: frozenset[str], given: Given) -> Message:
    if not any(media.kind in kinds and is_web(media) for _, media in _media(message.parts)):
        return message
    return replace(message, parts=tuple(_part(part, kinds, given) for part in message.parts))


def _part(part: Part, kinds: frozenset[str], given: Given) -> Part:
    if isinstance(part, ToolResult):
        held = tuple(_filled(each, kinds, given) if isinstance(each, Media) else each for each in part.parts)
        return replace(part, parts=held)
    return _filled(part, kinds, given) if isinstance(part, Media) else part


def _filled(media: Media, kinds: frozenset[str], given: Given) -> Media:
    if media.kind not in kinds or not is_web(media) or media.url is None:
        return media
    media_type, data = given[media.url]
    return replace(media, url=None, data=b64encode(data).decode(), media_type=media_type)


def type_of(kind: str, said: str, data: bytes) -> str:
    """Give the media type of what was fetched as media of `kind`; raise ValueError when it is none.

    `said` is its content type, without parameters.
    """
    said = _ALIASES.get(said, said)
    shown = next((type_ for at, sign, type_ in _SIGNATURES if _shows(data, sign, at)), None) or _told(said, data)
    expected = f"expected {_EXPECTED[kind]}"
    if shown is None:
        raise ValueError(f"found bytes that are none of its kind, {expected}")
    if said not in _UNSAID and said != shown and not (said.startswith("image/") and shown.startswith("image/")):
        raise ValueError(f"found a content type that its bytes are not, {expected}")
    if (shown.partition("/")[0] if shown.startswith(("image/", "audio/")) else "file") != kind:
        raise ValueError(f"found {shown[:40]}, {expected}")
    return shown


def _shows(data: bytes, sign: bytes, at: int) -> bool:
    """Say whether a sign stands where it must; what is behind a length is in a RIFF container."""
    return data.startswith(sign, at) and (not at or data.startswith(b"RIFF"))


def _told(said: str, data: bytes) -> str | None:
    """Give the type of what does not show it, where the bytes may be of the type that is said."""
    if said.startswith(_ZIPPED) and data.startswith(_ZIP):
        return said
    if said in _OLD and data.startswith(_OLE):
        return said
    return said if said in _TEXTS and _is_text(data) else None


_TEXTS: Final = frozenset({"text/plain", "text/csv", "text/html", "text/markdown"})


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
