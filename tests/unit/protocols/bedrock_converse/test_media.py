from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.bedrock_converse.media import FORMATS, WORDS, Kind, Shelf, decode_media
from gearshift.protocols.fields import Misfit
from gearshift.types.chat import Media
from gearshift.types.record import Loss


def pdf(name: str | None = None, **changes: object) -> Media:
    return msgspec.structs.replace(Media(kind="file", data="aGk=", media_type="application/pdf", name=name), **changes)


def said(*every: Media) -> tuple[list[object], set[tuple[str, str]]]:
    losses: list[Loss] = []
    shelf = Shelf(losses)
    blocks: list[object] = [shelf.say(media, f"at[{place}]") for place, media in enumerate(every)]
    return blocks, {(loss.field, loss.kind) for loss in losses}


@pytest.mark.parametrize(
    ("kind", "media_type", "word"),
    [(kind, type_, word) for kind, forms in FORMATS.items() for type_, word in forms.items()],
)
def test_every_format_is_said_and_heard(kind: Kind, media_type: str, word: str) -> None:
    media = Media(kind=kind, data="aGk=", media_type=media_type)
    ((block,), losses) = said(media)
    assert losses == set()
    inner = msgspec.json.decode(msgspec.json.encode(block), type=dict[str, dict[str, Raw]])[WORDS[kind]]
    assert bytes(inner["format"]).decode() == f'"{word}"'
    heard = decode_media(kind, inner)
    assert (heard.data, heard.name, heard.extra) == ("aGk=", None, {})
    assert FORMATS[kind][heard.media_type or ""] == word


def test_a_document_has_a_name_that_is_taken_and_each_once() -> None:
    blocks, losses = said(pdf(), pdf("Report (2026)"), pdf("Report (2026)"), pdf("a_b/c.pdf"), pdf())
    names = [msgspec.to_builtins(block)["document"]["name"] for block in blocks]
    assert names == ["document 1", "Report (2026)", "document 3", "a-b-c-pdf", "document 5"]
    assert losses == {("at[2].name", "mapped"), ("at[3].name", "mapped")}


def test_an_object_of_s3_is_named_and_a_page_of_the_web_is_refused() -> None:
    place = Media(kind="image", url="s3://bucket/a.png", media_type="image/png")
    ((block,), _) = said(place)
    assert block == {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
    inner = {"format": Raw(b'"png"'), "source": Raw(b'{"s3Location":{"uri":"s3://bucket/a.png"}}')}
    assert decode_media("image", inner) == place
    with pytest.raises(Misfit, match="found a URL, Converse takes the bytes of image"):
        said(Media(kind="image", url="https://a/b.png", media_type="image/png"))


@pytest.mark.parametrize(
    "media",
    [pdf(media_type="application/zip"), pdf(media_type=None), Media(kind="image", data="x", media_type="image/tiff")],
)
def test_a_format_that_is_not_taken_is_refused(media: Media) -> None:
    with pytest.raises(Misfit, match="Converse takes"):
        said(media)


def test_what_only_a_hint_says_is_lost() -> None:
    _, losses = said(Media(kind="image", data="aGk=", media_type="image/png", detail="low", name="a"))
    assert losses == {("at[0].detail", "dropped"), ("at[0].name", "dropped")}


def test_a_documents_plain_text_and_odd_formats_are_heard() -> None:
    text = decode_media("file", {"name": Raw(b'"n"'), "source": Raw(b'{"text":"hi"}')})
    assert (text.data, text.media_type, text.name) == ("aGk=", "text/plain", "n")
    odd = decode_media("image", {"format": Raw(b'"tiff"'), "source": Raw(b'{"bytes":"aGk="}')})
    assert (odd.media_type, odd.extra) == (None, {"format": Raw(b'"tiff"')})
    with pytest.raises(Misfit, match="no bytes and no s3Location"):
        decode_media("image", {"source": Raw(b"{}")})
