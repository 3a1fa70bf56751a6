from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.anthropic_messages.blocks import decode_block
from gearshift.protocols.anthropic_messages.stream_block import DELTAS, Block
from gearshift.protocols.fields import Misfit, raw
from gearshift.protocols.fold import fold
from gearshift.types.stream import ChoiceDelta, Event, PartEnded, PartStarted, Started

JSON = Mapping[str, object]
TEXT = {"type": "text", "text": "", "citations": None}
PLACE = {"type": "char_location", "cited_text": "x", "document_index": 0}
PAGE = {"type": "web_search_result_location", "url": "https://a", "title": None, "cited_text": "x"}


def events(start: JSON, deltas: Sequence[JSON]) -> list[Event]:
    block = Block(0)
    begun = block.start(msgspec.json.decode(json.dumps(start, separators=(",", ":")), type=dict[str, Raw]))
    told = [event for delta in deltas for event in block.delta(Raw(json.dumps(delta, separators=(",", ":")).encode()))]
    return [*begun, *told, *block.stop(), *block.stop()]


@pytest.mark.parametrize(
    ("start", "deltas", "whole"),
    [
        (TEXT, [{"type": "text_delta", "text": "Hi"}], {"type": "text", "text": "Hi"}),
        (TEXT | {"text": "H"}, [{"type": "text_delta", "text": "i"}], {"type": "text", "text": "Hi"}),
        (
            TEXT | {"citations": [PLACE]},
            [
                {"type": "text_delta", "text": "Hi"},
                *({"type": "citations_delta", "citation": c} for c in (PAGE, PLACE)),
            ],
            {"type": "text", "text": "Hi", "citations": [PLACE, PAGE, PLACE]},
        ),
        (
            {"type": "thinking", "thinking": "", "signature": "", "odd": 1},
            [{"type": "thinking_delta", "thinking": "Hm"}, {"type": "signature_delta", "signature": "s"}],
            {"type": "thinking", "thinking": "Hm", "signature": "s", "odd": 1},
        ),
        ({"type": "redacted_thinking", "data": "d"}, [], {"type": "redacted_thinking", "data": "d"}),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"a"', ":1}")],
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        ),
    ],
)
def test_a_block_says_what_it_says_when_it_is_not_streamed(start: JSON, deltas: list[JSON], whole: JSON) -> None:
    opening = Started(protocol="anthropic_messages", id="r", model="m", created=0)
    (part,) = fold([opening, *events(start, deltas)]).choices[0].parts
    assert part == decode_block(msgspec.json.decode(json.dumps(whole, separators=(",", ":")), type=dict[str, Raw]))


def test_a_block_without_a_noun_is_told_whole_at_its_end() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    (told,) = events(server, [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"q":', "1}")])
    assert isinstance(told, ChoiceDelta)
    assert json.loads(bytes(told.message["blocks"])) == [server | {"input": {"q": 1}}]
    (told,) = events(server, [{"type": "input_json_delta", "partial_json": '{"q'}])
    assert isinstance(told, ChoiceDelta)
    assert json.loads(bytes(told.message["blocks"])) == [server]


def test_a_delta_without_a_noun_is_told_apart() -> None:
    odd = {"type": "smell_delta", "smell": "rose"}
    assert events({"type": "text", "text": ""}, [odd]) == [
        PartStarted(choice=0, part=0, kind="text"),
        ChoiceDelta(choice=0, message={DELTAS: raw([odd])}),
        PartEnded(choice=0, part=0),
    ]


@pytest.mark.parametrize("start", [{"text": "x"}, {"type": 5}, {"type": "text"}, {"type": "redacted_thinking"}])
def test_a_block_that_cannot_be_read_is_named(start: JSON) -> None:
    with pytest.raises(Misfit):
        events(start, [])
