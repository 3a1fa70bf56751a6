from __future__ import annotations

from base64 import b64encode

import pytest

from gearshift.protocols.inlining import Want, inlined, is_web, type_of, wanted
from gearshift.types.chat import Media, Message, Request, Text, ToolResult

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
URL = "https://example.com/a.png"
IMAGES = frozenset({"image"})
ALL = frozenset({"image", "audio", "file"})


def image(url: str = URL, **fields: object) -> Media:
    return Media(kind="image", url=url, **fields)  # type: ignore[arg-type]


def asked(*parts: Text | Media | ToolResult) -> Request:
    hello = Message(role="user", parts=(Text(text="Hi"),))
    return Request(model="m", messages=(hello, Message(role="user", parts=parts)))


def test_each_url_is_wanted_once_and_named_where_it_stands_first() -> None:
    result = ToolResult(call_id="c", parts=(Text(text="see"), image("HTTP://example.com/b.png")))
    request = asked(Text(text="What?"), image(), image(), result, Media(kind="file", url="https://example.com/c.pdf"))
    assert wanted(request, IMAGES) == (
        Want(URL, "image", "messages[1].content[1]"),
        Want("HTTP://example.com/b.png", "image", "messages[1].content[3]"),
    )
    assert [want.kind for want in wanted(request, ALL)] == ["image", "image", "file"]
    assert wanted(request, frozenset()) == ()


@pytest.mark.parametrize("url", ["s3://bucket/a.png", "gs://bucket/a.png", "ftp://a/b", "data:image/png;base64,AA", ""])
def test_only_the_web_is_wanted(url: str) -> None:
    assert wanted(asked(image(url)), ALL) == ()
    assert not is_web(image(url))


def test_what_is_there_as_bytes_is_not_wanted() -> None:
    assert wanted(asked(image(data="AA==", media_type="image/png")), ALL) == ()


def test_bytes_take_the_places_of_their_urls_and_the_rest_stays() -> None:
    document = Media(kind="file", url="https://example.com/c.pdf")
    request = asked(image(detail="high"), document, ToolResult(call_id="c", parts=(image(),)))
    told = inlined(request, IMAGES, {URL: ("image/png", PNG)})
    data = b64encode(PNG).decode()
    filled = Media(kind="image", data=data, media_type="image/png", detail="high")
    assert told.messages[0] is request.messages[0]
    first, second, result = told.messages[1].parts
    assert (first, second) == (filled, document)
    assert isinstance(result, ToolResult)
    assert result.parts == (Media(kind="image", data=data, media_type="image/png"),)


@pytest.mark.parametrize(
    ("kind", "said", "data", "type_"),
    [
        ("image", "image/png", PNG, "image/png"),
        ("image", "image/jpeg", PNG, "image/png"),  # servers name images by their suffix
        ("image", "application/octet-stream", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image", "", b"GIF89a..", "image/gif"),
        ("image", "image/webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("audio", "audio/x-wav", b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        ("audio", "audio/mp3", b"ID3\x04", "audio/mpeg"),
        ("file", "application/pdf", b"%PDF-1.7", "application/pdf"),
        ("file", "text/plain", "Grüße".encode(), "text/plain"),
        ("file", "text/csv", b"a,b", "text/csv"),
        ("file", "application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
        (
            "file",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_a_type_is_what_the_bytes_are(kind: str, said: str, data: bytes, type_: str) -> None:
    assert type_of(kind, said, data) == type_


@pytest.mark.parametrize(
    ("kind", "said", "data"),
    [
        ("image", "image/png", b"<html>secret</html>"),
        ("image", "text/html", PNG),
        ("image", "application/json", b'{"AccessKeyId": "x"}'),
        ("image", "image/svg+xml", b"<svg/>"),
        ("image", "application/pdf", b"%PDF-1.7"),
        ("image", "image/webp", b"XXXX\x00\x00\x00\x00WEBPVP8 "),
        ("audio", "image/png", PNG),
        ("file", "image/png", PNG),
        ("file", "application/json", b"{}"),
        ("file", "application/octet-stream", b"plain"),
        ("file", "text/plain", b"\xff\xfe\x00"),
        ("file", "text/plain", b"a\0b"),
        ("file", "application/msword", b"plain"),
        ("file", "application/vnd.openxmlformats-officedocument.x", b"plain"),
        ("image", "image/png", b""),
    ],
)
def test_what_is_not_what_it_must_be_is_refused(kind: str, said: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^found .*, expected ") as refused:
        type_of(kind, said, data)
    assert "secret" not in str(refused.value)
