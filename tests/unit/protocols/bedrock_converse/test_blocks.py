from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.bedrock_converse.blocks import NAME, Speaker, decode_blocks
from gearshift.protocols.fields import Misfit
from gearshift.types.chat import CacheMark, Citation, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss


def said(*parts: Part, to_caller: bool = False) -> tuple[list[Any], set[tuple[str, str]]]:
    losses: list[Loss] = []
    blocks = Speaker(losses, to_caller=to_caller).blocks(parts, "at")
    return json.loads(msgspec.json.encode(blocks)), {(loss.field, loss.kind) for loss in losses}


def heard(*blocks: object) -> tuple[Part, ...]:
    return decode_blocks(msgspec.json.decode(json.dumps(blocks), type=list[dict[str, Raw]]), "content")


@pytest.mark.parametrize(
    ("part", "blocks"),
    [
        (Text(text="Hi"), [{"text": "Hi"}]),
        (
            Text(text="Hi", cache=CacheMark(ttl="1h")),
            [{"text": "Hi"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        ),
        (
            Text(text="Hi", citations=(Citation(url="https://a", title="A"),)),
            [
                {
                    "citationsContent": {
                        "content": [{"text": "Hi"}],
                        "citations": [{"title": "A", "location": {"web": {"url": "https://a"}}}],
                    }
                }
            ],
        ),
        (
            ToolCall(id="c.1:-_", name="f", arguments='{"a": 1}', cache=CacheMark()),
            [
                {"toolUse": {"toolUseId": "c.1:-_", "name": "f", "input": {"a": 1}}},
                {"cachePoint": {"type": "default"}},
            ],
        ),
        (
            ToolResult(call_id="c", parts=(Text(text="ok"),), is_error=True),
            [{"toolResult": {"toolUseId": "c", "content": [{"text": "ok"}], "status": "error"}}],
        ),
        (
            Reasoning(text="Hm", signature="c2ln", origin=NAME),
            [{"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}}],
        ),
        (
            Reasoning(text="", signature="ZW5j", origin=NAME, redacted=True),
            [{"reasoningContent": {"redactedContent": "ZW5j"}}],
        ),
        (
            Media(kind="image", data="aGk=", media_type="image/png"),
            [{"image": {"format": "png", "source": {"bytes": "aGk="}}}],
        ),
    ],
)
def test_parts_are_said_and_heard_as_they_were(part: Part, blocks: list[object]) -> None:
    assert said(part) == (blocks, set())
    assert heard(*blocks) == (part,)


def test_arguments_keep_their_bytes() -> None:
    call = ToolCall(id="c", name="f", arguments='{"n": [1, 2.50]}')
    assert b'{"n": [1, 2.50]}' in msgspec.json.encode(Speaker([]).blocks([call], "at"))
    blocks, losses = said(ToolCall(id="c", name="f", arguments="[1]"))
    assert blocks == [{"toolUse": {"toolUseId": "c", "name": "f", "input": {"INVALID_JSON": "[1]"}}}]
    assert losses == {("at[0].arguments", "mapped")}
    assert said(ToolCall(id="c", name="f", arguments=" "))[0] == [
        {"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}
    ]


def test_an_id_that_is_not_taken_is_said_as_one_that_is_the_same_way_each_time() -> None:
    long = "call|" + "x" * 100
    blocks, losses = said(ToolCall(id=long, name="f", arguments="{}"), ToolResult(call_id=long, parts=()))
    made = blocks[0]["toolUse"]["toolUseId"]
    assert made == blocks[1]["toolResult"]["toolUseId"]
    assert len(made) == 64
    assert made.startswith("call_")
    assert losses == {("at[0].id", "mapped"), ("at[1].id", "mapped")}
    empty, short, other = (
        said(ToolCall(id=each, name="f", arguments="{}"))[0][0]["toolUse"]["toolUseId"] for each in ("", "a|b", "a/b")
    )
    assert len({empty, short, other, "a_b"}) == 4


def test_foreign_thinking_stays_behind_and_goes_to_a_caller_under_seal() -> None:
    foreign = Reasoning(text="Hm", signature="s", origin="gemini")
    secret = Reasoning(text="", signature="s", origin="anthropic_messages", redacted=True)
    blocks, losses = said(foreign, Reasoning(text="unsigned"), secret)
    assert (blocks, losses) == ([], {("at[0]", "dropped"), ("at[1]", "dropped"), ("at[2]", "dropped")})
    told, none = said(foreign, Reasoning(text="unsigned"), secret, to_caller=True)
    assert none == set()
    assert heard(*told) == (foreign, Reasoning(text="unsigned"), secret)


def test_what_has_no_word_of_its_own_is_said_otherwise() -> None:
    assert said(Refusal(text="No")) == ([{"text": "No"}], {("at[0]", "mapped")})
    assert said(Text(text="")) == ([], {("at[0]", "dropped")})
    assert said(Text(text="a", cache=CacheMark(ttl="9d"))) == (
        [{"text": "a"}, {"cachePoint": {"type": "default"}}],
        {("at[0].cache_control.ttl", "dropped")},
    )


def test_a_result_may_be_json_and_media() -> None:
    result = {"toolUseId": "c", "content": [{"json": {"a": 1}}, {"image": {"format": "png", "source": {"bytes": "x"}}}]}
    (part,) = heard({"toolResult": {**result, "status": "success"}})
    assert part == ToolResult(
        call_id="c",
        parts=(Text(text='{"a": 1}'), Media(kind="image", data="x", media_type="image/png")),
        is_error=False,
    )


def test_a_block_without_a_noun_is_kept_whole() -> None:
    block = {"video": {"format": "mp4", "source": {"bytes": "x"}}}
    (part,) = heard(block)
    assert isinstance(part, Media)
    assert said(part) == ([block], set())


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({}, r"content\[0\]\.content: found no block"),
        ({"text": 7}, r"content\[0\]\.text: found a number"),
        ({"toolUse": {"name": "f"}}, r"content\[0\]\.toolUse\.toolUseId: missing"),
        ({"reasoningContent": {}}, r"content\[0\]\.reasoningContent\.reasoningText: missing"),
        ({"cachePoint": {"type": "default"}}, r"content\[0\]\.cachePoint: found behind nothing"),
        ({"image": 7}, r"content\[0\]\.image: found a number"),
    ],
)
def test_a_wrong_block_is_named(block: object, words: str) -> None:
    with pytest.raises(Misfit, match=words):
        heard(block)
