from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.anthropic_messages.blocks import BLOCK_TYPES, Speaker, decode_block, decode_content
from gearshift.protocols.fields import Misfit
from gearshift.protocols.signatures import seal
from gearshift.types.chat import CacheMark, Citation, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

WIRE: list[tuple[dict[str, object], Part]] = [
    ({"type": "text", "text": "Hi"}, Text(text="Hi")),
    (
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        Text(text="Hi", cache=CacheMark(ttl="1h")),
    ),
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        Media(kind="image", data="AAAA", media_type="image/png"),
    ),
    ({"type": "image", "source": {"type": "url", "url": "https://a/b"}}, Media(kind="image", url="https://a/b")),
    (
        {
            "type": "document",
            "title": "T",
            "context": "c",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
        },
        Media(kind="file", data="AAAA", media_type="application/pdf", name="T", extra={"context": Raw(b'"c"')}),
    ),
    (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hé"}},
        Media(kind="file", data="SMOp", media_type="text/plain"),
    ),
    ({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}, ToolCall(id="t", name="f", arguments='{"a":1}')),
    (
        {"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True},
        ToolResult(call_id="t", parts=(Text(text="no"),), is_error=True),
    ),
    ({"type": "tool_result", "tool_use_id": "t"}, ToolResult(call_id="t", parts=())),
    (
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        Reasoning(text="Hm", signature="s", origin="anthropic_messages"),
    ),
    (
        {"type": "redacted_thinking", "data": "d"},
        Reasoning(text="", signature="d", origin="anthropic_messages", redacted=True),
    ),
    (
        {"type": "search_result", "source": "https://a"},
        Media(kind="file", extra={"type": Raw(b'"search_result"'), "source": Raw(b'"https://a"')}),
    ),
]


def members(block: object) -> dict[str, Raw]:
    return msgspec.json.decode(json.dumps(block, separators=(",", ":")), type=dict[str, Raw])


def said(*parts: Part, to_caller: bool = False) -> tuple[object, list[Loss]]:
    losses: list[Loss] = []
    blocks = Speaker(losses, to_caller=to_caller).blocks(parts, "at")
    return json.loads(msgspec.json.encode(blocks)), losses


@pytest.mark.parametrize(("block", "part"), WIRE, ids=[str(block["type"]) for block, _ in WIRE])
def test_a_block_is_read_and_said_as_it_was(block: dict[str, object], part: Part) -> None:
    assert decode_block(members(block)) == part
    assert said(part) == ([block], [])


def test_every_block_with_a_noun_is_in_the_table() -> None:
    assert {str(block["type"]) for block, _ in WIRE} == {*BLOCK_TYPES, "search_result"}


def test_the_input_of_a_call_is_kept_byte_for_byte() -> None:
    spoken = b'{"type":"tool_use","id":"t","name":"f","input":{ "a" : 1.50, "b":"\\u00e9"}}'
    call = decode_block(msgspec.json.decode(spoken, type=dict[str, Raw]))
    assert isinstance(call, ToolCall)
    assert call.arguments == '{ "a" : 1.50, "b":"\\u00e9"}'
    assert msgspec.json.encode(Speaker([]).blocks([call], "at")) == b"[%b]" % spoken


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"text": "Hi"}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 5}, "text"),
        ({"type": "image", "source": {"type": "base64", "data": "x"}}, "source.media_type"),
        ({"type": "image", "source": 5}, "source"),
        ({"type": "tool_use", "name": "f"}, "id"),
        ({"type": "tool_result", "content": "x"}, "tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "t", "is_error": 1}, "is_error"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "thinking", "thinking": ""}]}, "content[0]"),
        ({"type": "thinking"}, "thinking"),
    ],
)
def test_a_wrong_field_is_named(block: object, path: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_block(members(block))
    assert caught.value.path == path


def test_content_is_a_string_or_a_list() -> None:
    assert decode_content(Raw(b'"Hi"')) == (Text(text="Hi"),)
    assert decode_content(Raw(b"[]")) == ()
    with pytest.raises(Misfit, match=r"content\[0\]\.text: missing"):
        decode_content(Raw(b'[{"type":"text"}]'))
    assert Speaker([]).content((Text(text="Hi"),), "at") == "Hi"


def test_thinking_that_anthropic_did_not_sign_goes_to_callers_only() -> None:
    foreign = Reasoning(text="Hm", signature="s", origin="gemini")
    sealed = seal("s", "gemini", "anthropic_messages")
    assert said(foreign, to_caller=True) == ([{"type": "thinking", "thinking": "Hm", "signature": sealed}], [])
    assert decode_block(members({"type": "thinking", "thinking": "Hm", "signature": sealed})) == foreign
    told, losses = said(foreign, Reasoning(text="unsigned"))
    assert (told, [loss.field for loss in losses]) == ([], ["at[0]", "at[1]"])


def test_unsigned_thinking_reads_as_unsigned() -> None:
    assert decode_block(members({"type": "thinking", "thinking": "Hm", "signature": ""})) == Reasoning(text="Hm")


@pytest.mark.parametrize(
    ("part", "block", "field"),
    [
        (Refusal(text="No"), {"type": "text", "text": "No"}, "at[0]"),
        (Text(text=""), None, "at[0]"),
        (
            Media(kind="image", url="https://a", detail="low"),
            {"type": "image", "source": {"type": "url", "url": "https://a"}},
            "at[0].detail",
        ),
        (
            ToolCall(id="a.b c", name="f", arguments=""),
            {"type": "tool_use", "id": "gearshift_a_2e_b_20_c", "name": "f", "input": {}},
            "at[0].id",
        ),
    ],
)
def test_what_is_said_in_another_way_is_a_loss(part: Part, block: object, field: str) -> None:
    told, losses = said(part)
    assert told == ([] if block is None else [block])
    assert [loss.field for loss in losses] == [field]


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="audio", data="AAAA", media_type="audio/wav"),
        Media(kind="file", data="AAAA", media_type="text/csv"),
        Media(kind="file", data="?", media_type="text/plain"),
    ],
)
def test_what_cannot_be_said_is_refused(part: Part) -> None:
    with pytest.raises(Misfit):
        said(part)


def test_arguments_that_are_no_object_are_said_as_they_came() -> None:
    told, losses = said(ToolCall(id="t", name="f", arguments='{"a": "x'))
    assert told == [{"type": "tool_use", "id": "t", "name": "f", "input": {"INVALID_JSON": '{"a": "x'}}]
    assert [(loss.field, loss.kind) for loss in losses] == [("at[0].arguments", "mapped")]


PAGE = {
    "type": "web_search_result_location",
    "url": "https://a",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "e",
}
PLACE = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}


def test_pages_that_a_text_cites_are_nouns_other_places_stay_raw() -> None:
    cited = decode_block(members({"type": "text", "text": "Hi", "citations": [PAGE, PLACE]}))
    assert isinstance(cited, Text)
    page = Citation(url="https://a", title="A", extra={"cited_text": Raw(b'"x"'), "encrypted_index": Raw(b'"e"')})
    assert (cited.citations, list(cited.extra)) == ((page,), ["citations"])
    told: tuple[object, list[Loss]] = ([{"type": "text", "text": "Hi", "citations": [PAGE, PLACE]}], [])
    assert said(cited) == told == said(cited, to_caller=True)
    for nothing in ("null", "[]"):
        spoken = f'{{"type":"text","text":"Hi","citations":{nothing}}}'
        assert decode_block(msgspec.json.decode(spoken, type=dict[str, Raw])) == Text(text="Hi")
    with pytest.raises(Misfit, match="citations: found a string"):
        decode_block(members({"type": "text", "text": "Hi", "citations": "x"}))


def test_a_citation_of_anothers_making_is_told_to_callers_only() -> None:
    foreign = Text(text="Hi", citations=(Citation(url="https://a", title="A"),))
    page = PAGE | {"cited_text": "", "encrypted_index": ""}
    assert said(foreign, to_caller=True) == ([{"type": "text", "text": "Hi", "citations": [page]}], [])
    told, losses = said(foreign)
    assert (told, [loss.field for loss in losses]) == ([{"type": "text", "text": "Hi"}], ["at[0].citations"])


def test_ids_that_anthropic_forbids_stay_apart_and_paired() -> None:
    ids = ("a.b", "a_b", "a b", "", "call", "gearshift_a_2e_b", "ä")
    parts = [
        part
        for name in ids
        for part in (ToolCall(id=name, name="f", arguments="{}"), ToolResult(call_id=name, parts=()))
    ]
    told, losses = said(*parts)
    assert isinstance(told, list)
    calls = [block["id"] for block in told if "id" in block]
    assert calls == [block["tool_use_id"] for block in told if "tool_use_id" in block]
    assert len({*calls}) == len(ids)
    assert {loss.field for loss in losses} == {f"at[{place}].id" for place in (0, 1, 4, 5, 6, 7, 10, 11, 12, 13)}


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_text_of_nothing_but_space_is_refused_by_anthropic_and_told_to_callers(text: str) -> None:
    assert said(Text(text=text))[0] == []
    assert said(Text(text=text), to_caller=True)[0] == ([{"type": "text", "text": text}] if text else [])


@pytest.mark.parametrize("signature", [None, ""])
def test_encrypted_thinking_without_its_data_is_nothing(signature: str | None) -> None:
    for origin in (None, "gemini", "anthropic_messages"):
        told, losses = said(Reasoning(text="", signature=signature, origin=origin, redacted=True), to_caller=True)
        assert (told, [loss.kind for loss in losses]) == ([], ["dropped"])
