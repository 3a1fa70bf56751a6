from __future__ import annotations

import json

import msgspec
import pytest

from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.prefilling import beginning, begun
from gearshift.protocols.registry import CODECS
from gearshift.protocols.resuming import Told
from gearshift.types.catalog import Prefill, Quirks
from gearshift.types.chat import Message, Request, Text
from gearshift.types.stream import PartEnded, PartStarted, Started
from tests.fakes.nouns import request

HEAD = Started(protocol="openai_chat", id="x", model="m", created=1)
OPEN = Told((HEAD, PartStarted(choice=0, part=0, kind="text")), "One \n", 1, 0)


@pytest.mark.parametrize(
    ("prefill", "expected"),
    [
        ("none", ""),
        ("message", "One"),
        ("prefix", "One \n"),
        ("prefix_echoed", "One \n"),
        ("partial", "One \n"),
        ("continue", "One \n"),
    ],
)
def test_the_beginning_is_what_was_told(prefill: Prefill, expected: str) -> None:
    assert beginning(OPEN, request(), prefill) == expected


def test_a_text_that_has_ended_or_not_begun_is_no_beginning() -> None:
    ended = msgspec.structs.replace(OPEN, events=(*OPEN.events, PartEnded(choice=0, part=0)))
    assert beginning(ended, request(), "prefix") == ""
    assert beginning(Told((HEAD,), "", 0), request(), "prefix") == ""


def test_a_beginning_of_the_caller_s_own_leaves_no_room_for_another() -> None:
    own = Message(role="assistant", parts=(Text(text="{"),))
    assert beginning(OPEN, request(messages=(*request().messages, own)), "prefix") == ""


def said(prefill: Prefill, protocol: str = "openai_chat", text: str = "One") -> dict[str, object]:
    asked: Request = begun(request(), text)
    edits = RequestEdits(model="m", begun=True, quirks=Quirks(prefill=prefill))
    body: dict[str, object] = json.loads(CODECS[protocol].encode_request(asked, edits).body)
    return body


TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "One"}]


@pytest.mark.parametrize(
    ("prefill", "mark", "more"),
    [
        ("message", {}, {}),
        ("prefix", {"prefix": True}, {}),
        ("prefix_echoed", {"prefix": True}, {}),
        ("partial", {"partial": True}, {}),
        ("continue", {}, {"continue_final_message": True, "add_generation_prompt": False}),
    ],
)
def test_the_last_turn_is_the_beginning_and_nothing_else_is_added(
    prefill: Prefill, mark: dict[str, object], more: dict[str, object]
) -> None:
    assert said(prefill) == {"model": "m", "messages": [TURNS[0], TURNS[1] | mark], **more}


def test_claude_is_told_nothing_but_the_turn() -> None:
    assert said("message", "anthropic_messages")["messages"] == TURNS


def test_who_asks_for_no_such_thing_is_told_no_such_thing() -> None:
    edits = RequestEdits(model="m", quirks=Quirks(prefill="continue"))
    body = json.loads(CODECS["openai_chat"].encode_request(request(), edits).body)
    assert body == {"model": "m", "messages": TURNS[:1]}
