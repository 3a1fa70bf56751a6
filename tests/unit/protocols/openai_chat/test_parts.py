from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openai_chat.parts import Piece, decode_content, encode_content
from gearshift.types.chat import CacheMark, Media, Refusal, Text

WIRE: list[tuple[dict[str, object], Piece]] = [
    (
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
        Text(text="Hi", cache=CacheMark()),
    ),
    ({"type": "image_url", "image_url": {"url": "https://a/b.png"}}, Media(kind="image", url="https://a/b.png")),
    (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
        Media(kind="image", data="AAAA", media_type="image/png", detail="high"),
    ),
    (
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml;charset=utf-8,<svg/>"}},
        Media(kind="image", url="data:image/svg+xml;charset=utf-8,<svg/>"),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        Media(kind="audio", data="AAAA", media_type="audio/mpeg"),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        Media(kind="audio", data="AAAA", media_type="audio/wav"),
    ),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        Media(kind="file", data="AAAA", media_type="application/pdf", name="a.pdf"),
    ),
    ({"type": "file", "file": {"file_data": "https://a/b.pdf"}}, Media(kind="file", url="https://a/b.pdf")),
    ({"type": "file", "file": {"file_data": "AAAA"}}, Media(kind="file", data="AAAA")),
    ({"type": "file", "file": {"file_id": "f-1"}}, Media(kind="file", extra={"file": Raw(b'{"file_id":"f-1"}')})),
    ({"type": "refusal", "refusal": "No"}, Refusal(text="No")),
    (
        {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
        Media(kind="file", extra={"type": Raw(b'"video_url"'), "video_url": Raw(b'{"url":"https://a/b.mp4"}')}),
    ),
]


@pytest.mark.parametrize(("wire", "piece"), WIRE, ids=[str(wire["type"]) for wire, _ in WIRE])
def test_a_part_is_read_and_said_as_it_was(wire: dict[str, object], piece: Piece) -> None:
    raw = Raw(json.dumps([wire], separators=(",", ":")).encode())
    assert decode_content(raw) == (piece,)
    assert json.loads(json.dumps(encode_content([piece]), default=lambda value: json.loads(bytes(value)))) == [wire]


def test_content_is_a_string_a_list_or_null() -> None:
    assert decode_content(Raw(b'"Hi"')) == (Text(text="Hi"),)
    assert decode_content(Raw(b"[]")) == ()
    assert decode_content(Raw(b"null")) is None


def test_a_lone_plain_text_is_said_as_a_string() -> None:
    assert encode_content([Text(text="Hi")]) == "Hi"
    assert encode_content([]) == []
    assert encode_content([Text(text="a"), Text(text="b")]) == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]


def test_a_sound_by_url_cannot_be_said() -> None:
    with pytest.raises(Misfit, match="found a sound without data, which this protocol cannot say; send its bytes"):
        encode_content([Media(kind="audio", url="https://a/b.wav")])


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"type": "image_url"}, "content[0].image_url: missing, expected an object"),
        ({"type": "image_url", "image_url": "u"}, "content[0].image_url: found a string, expected an object"),
        ({"type": "input_audio", "input_audio": {}}, "content[0].input_audio.data: missing, expected a string"),
        (
            {"type": "input_audio", "input_audio": {"data": "", "format": 5}},
            "content[0].input_audio.format: found a number, expected a string",
        ),
        ({"type": "file", "file": {"file_data": 5}}, "content[0].file.file_data: found a number, expected a string"),
        ({"type": "file", "file": {"filename": 5}}, "content[0].file.filename: found a number, expected a string"),
        ({"type": 5}, "content[0].type: found a number, expected a string"),
        ({"type": "text"}, "content[0].text: missing, expected a string"),
    ],
)
def test_a_wrong_part_is_told_by_its_path(part: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_content(Raw(json.dumps([part]).encode()))
    assert str(caught.value) == fault
