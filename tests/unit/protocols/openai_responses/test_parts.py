from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openai_responses.parts import Speaker, decode_citations, decode_parts, say_citation
from gearshift.types.chat import CacheMark, Citation, Media, Part, Reasoning, Refusal, Text
from gearshift.types.record import Loss

WIRE: list[tuple[dict[str, object], Part]] = [
    ({"type": "input_text", "text": "Hi", "odd": 1}, Text(text="Hi", extra={"odd": Raw(b"1")})),
    (
        {"type": "input_image", "image_url": "https://a", "detail": "low"},
        Media(kind="image", url="https://a", detail="low"),
    ),
    (
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        Media(kind="image", data="AAAA", media_type="image/png"),
    ),
    (
        {"type": "input_image", "file_id": "f", "detail": "auto"},
        Media(kind="image", extra={"file_id": Raw(b'"f"')}),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        Media(kind="audio", data="AAAA", media_type="audio/mpeg"),
    ),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        Media(kind="file", data="AAAA", media_type="application/pdf", name="a.pdf"),
    ),
    ({"type": "input_file", "file_data": "AAAA"}, Media(kind="file", data="AAAA")),
    ({"type": "input_file", "file_url": "https://a"}, Media(kind="file", url="https://a")),
    (
        {"type": "input_file", "file_data": "AAAA", "file_url": "https://a"},
        Media(kind="file", data="AAAA", extra={"file_url": Raw(b'"https://a"')}),
    ),
    ({"type": "refusal", "refusal": "No"}, Refusal(text="No")),
    (
        {"type": "input_video", "url": "https://a"},
        Media(kind="file", extra={"type": Raw(b'"input_video"'), "url": Raw(b'"https://a"')}),
    ),
]


def raw(value: object) -> Raw:
    return Raw(json.dumps(value, separators=(",", ":")).encode())


def said(part: Part) -> tuple[object, list[Loss]]:
    losses: list[Loss] = []
    told = Speaker(losses).content([part, Text(text="x")], "at")
    return json.loads(msgspec.json.encode(told))[0], losses


@pytest.mark.parametrize(("wire", "part"), WIRE, ids=[str(wire["type"]) for wire, _ in WIRE])
def test_a_part_is_read_and_said_as_it_was(wire: dict[str, object], part: Part) -> None:
    assert decode_parts(raw([wire])) == (part,)
    assert said(part) == (wire, [])


def test_content_is_a_string_a_list_or_null() -> None:
    assert decode_parts(Raw(b'"Hi"')) == (Text(text="Hi"),)
    assert decode_parts(Raw(b"null")) == ()
    assert Speaker([]).content([Text(text="Hi")], "at") == "Hi"
    with pytest.raises(Misfit, match=r"content\[1\]\.text: missing"):
        decode_parts(raw([{"type": "input_text", "text": ""}, {"type": "output_text"}]))


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ({}, "content[0].type"),
        ({"type": "input_text", "text": 5}, "content[0].text"),
        ({"type": "input_image", "image_url": {"url": "x"}}, "content[0].image_url"),
        ({"type": "input_audio", "input_audio": {"data": "x"}}, "content[0].input_audio.format"),
        ({"type": "input_file", "filename": 5}, "content[0].filename"),
    ],
)
def test_a_wrong_field_is_named(wire: object, path: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_parts(raw([wire]))
    assert caught.value.path == path


def test_an_answers_text_with_its_citations() -> None:
    page = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 1, "end_index": 2}
    cited = Citation(url="https://a", title="A", start=1, end=2)
    assert decode_citations([raw(page)]) == ((cited,), [])
    assert say_citation(cited) == page
    (text,) = decode_parts(raw([{"type": "output_text", "text": "Hi", "annotations": [page], "logprobs": []}]))
    assert text == Text(text="Hi", citations=(cited,))
    assert Speaker([]).spoken(text, "at") == {"type": "output_text", "text": "Hi", "annotations": [page]}


def test_other_annotations_stay_raw() -> None:
    other = [{"type": "file_path", "file_id": "f", "index": 0}]
    assert decode_citations([raw(each) for each in other]) == ((), [raw(each) for each in other])
    (text,) = decode_parts(raw([{"type": "output_text", "text": "Hi", "annotations": other}]))
    assert isinstance(text, Text)
    assert list(text.extra) == ["annotations"]
    told = json.loads(msgspec.json.encode(Speaker([]).spoken(text, "at")))
    assert told == {"type": "output_text", "text": "Hi", "annotations": other}


def test_marks_of_the_prompt_cache_are_a_loss() -> None:
    told, losses = said(Text(text="Hi", cache=CacheMark()))
    assert told == {"type": "input_text", "text": "Hi"}
    assert [loss.field for loss in losses] == ["at.content[0].cache_control"]


@pytest.mark.parametrize("part", [Media(kind="audio", url="https://a"), Reasoning(text="Hm")])
def test_what_cannot_be_said_is_refused(part: Part) -> None:
    with pytest.raises(Misfit):
        said(part)
    with pytest.raises(Misfit, match="media in an answer"):
        Speaker([]).spoken(Media(kind="image", url="https://a"), "at")
