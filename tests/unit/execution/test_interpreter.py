from __future__ import annotations

import json
import time

import pytest
from msgspec.structs import replace

from gearshift import tokens
from gearshift.case import Case
from gearshift.errors import InvalidRequest
from gearshift.execution.interpreter import Interpreter, address
from gearshift.protocols.crossing import Crossing, Stamp
from gearshift.protocols.openai_chat.relay import Relay
from gearshift.protocols.registry import CODECS
from gearshift.protocols.resuming import Resumption, Told
from gearshift.types.catalog import Prefill, Quirks
from gearshift.types.chat import Request
from gearshift.types.decision import Standing
from gearshift.types.inbound import Inbound
from gearshift.types.stream import PartStarted, Started
from tests.fakes.nouns import decision, deployment, provider
from tests.unit.execution.test_order import WORLD

ANTHROPIC = b'{"model":"auto","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"odd":1.50}'
CHAT = b'{"model":"auto","messages":[{"role":"user","content":"Hi"}],"seed":3,"odd":1.50}'
ANSWER = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
).encode()


def interpreter(
    caller: str,
    body: bytes,
    upstream: str,
    standing: Standing | None = None,
    *,
    window: int | None = None,
    quirks: Quirks = Quirks(),  # noqa: B008 - frozen
) -> Interpreter:
    inbound = Inbound(path="/", body=body, began=0.0, passed_on={"anthropic-beta": "x"})
    case = Case(WORLD, CODECS[caller], inbound, "gx-1", time.monotonic)
    case.read()
    case.decision = decision(standing=standing)
    at = deployment("small", provider("lab", "https://up/v1", protocol=upstream, quirks=quirks), context_window=window)
    assert isinstance(case.request, Request)
    return Interpreter(case, case.request, at, CODECS, Stamp("gx-1", 1_700_000_000))


def test_the_same_protocol_is_patched() -> None:
    made = interpreter("anthropic_messages", ANTHROPIC, "anthropic_messages")
    assert made.request() == ANTHROPIC.replace(b'"auto"', b'"small-v1"')
    assert made.url == "https://up/v1/messages"
    assert made.headers["anthropic-version"] == "2023-06-01"
    assert made.headers["anthropic-beta"] == "x"
    assert made.losses == ()


def test_another_protocol_is_told_in_its_words_and_losses_are_kept() -> None:
    made = interpreter("openai_chat", CHAT, "anthropic_messages")
    said = json.loads(made.request())
    assert (said["model"], said["messages"], said["max_tokens"]) == (
        "small-v1",
        [{"role": "user", "content": "Hi"}],
        4096,
    )
    assert {loss.field for loss in made.losses} == {"seed", "odd", "max_tokens"}
    assert "anthropic-beta" not in made.headers


def test_an_answer_is_told_in_the_callers_words() -> None:
    made = interpreter("openai_chat", CHAT, "anthropic_messages")
    facts, body = made.answer(ANSWER)
    assert (facts.upstream_model, facts.answer_bytes) == ("claude", 5)
    told = json.loads(body)
    assert told["choices"][0]["message"]["content"] == "Hello"
    assert told["usage"]["total_tokens"] == 5
    assert (told["id"], told["created"]) == ("msg_1", 1_700_000_000)  # Anthropic does not say when


def test_an_answer_of_the_same_protocol_stays_as_it_is() -> None:
    assert interpreter("anthropic_messages", ANTHROPIC, "anthropic_messages").answer(ANSWER)[1] is ANSWER


def test_a_conversation_that_another_signed_is_not_patched() -> None:
    turn = {"type": "thinking", "thinking": "Hm", "signature": "gearshift.gemini.c2ln"}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [turn]},
        {"role": "user", "content": "!"},
    ]
    body = {"model": "auto", "max_tokens": 9, "messages": turns, "odd": 1}
    made = interpreter("anthropic_messages", json.dumps(body).encode(), "anthropic_messages")
    said = json.loads(made.request())
    assert [message["content"] for message in said["messages"]] == ["Hi", "!"]
    assert said["odd"] == 1
    assert {(loss.field, loss.kind) for loss in made.losses} == {
        ("messages[1].content[0]", "dropped"),
        ("messages[1]", "dropped"),
    }


def test_what_cannot_be_said_is_refused() -> None:
    body = b'{"model":"auto","messages":[{"role":"user","content":"Hi"}],"n":2}'
    with pytest.raises(InvalidRequest, match="n: found 2"):
        interpreter("openai_chat", body, "anthropic_messages").request()


def test_streams_are_relayed_or_cross() -> None:
    assert isinstance(interpreter("openai_chat", CHAT, "openai_chat").relay(), Relay)
    made = interpreter("openai_chat", CHAT, "gemini")
    relay = made.relay()
    assert isinstance(relay, Crossing)
    said = relay.feed(b'data: {"modelStatus":{},"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"odd":1}\n\n')
    assert b'"id":"gx-1","object":"chat.completion.chunk","created":1700000000' in said
    assert made.losses == relay.losses


THOUGHT = (
    b'{"model":"auto","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":['
    b'{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"text","text":"Ho"}]},'
    b'{"role":"user","content":"so"}],"odd":1.50}'
)


def test_thinking_goes_back_to_the_provider_that_signed_it_and_to_no_other_of_its_protocol() -> None:
    signer = Standing(deployment="lab/small", provider="lab")
    made = interpreter("anthropic_messages", THOUGHT, "anthropic_messages", signer)
    assert made.request() == THOUGHT.replace(b'"auto"', b'"small-v1"')
    moved = interpreter("anthropic_messages", THOUGHT, "anthropic_messages", replace(signer, provider="elsewhere"))
    said = json.loads(moved.request())
    assert said["messages"][1]["content"] in ("Ho", [{"type": "text", "text": "Ho"}])
    assert said["odd"] == 1.5
    assert [loss.field for loss in moved.losses] == ["messages[1].reasoning"]


def test_a_call_without_a_result_is_told_in_another_protocol_and_left_to_the_upstream_in_its_own() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call]}]
    body = json.dumps({"model": "auto", "messages": turns, "max_tokens": 5}).encode()
    made = interpreter("openai_chat", body, "anthropic_messages")
    told = json.loads(made.request())["messages"][2]["content"][0]
    assert (told["type"], told["tool_use_id"], told["is_error"]) == ("tool_result", "c1", True)
    assert [loss.field for loss in made.losses] == ["messages[1].f"]
    same = interpreter("openai_chat", body, "openai_chat")
    assert json.loads(same.request())["messages"] == turns


def test_a_provider_may_have_paths_of_its_own() -> None:
    quirks = Quirks(path="/models/{model}:rawPredict", stream_path="/models/{model}:streamRawPredict")
    at = deployment("small", provider("lab", "https://up/v1", quirks=quirks), name="claude-x@2026/;1")
    codec = CODECS["anthropic_messages"]
    assert address(at, codec, stream=False) == "https://up/v1/models/claude-x@2026%2F%3B1:rawPredict"
    assert address(at, codec, stream=True) == "https://up/v1/models/claude-x@2026%2F%3B1:streamRawPredict"
    one = deployment("small", provider("lab", "https://up/v1", quirks=Quirks(path="/only")))
    assert address(one, codec, stream=True) == "https://up/v1/only"


def test_an_answer_to_which_the_upstream_gives_no_id_has_the_exchange_s() -> None:
    made = interpreter("openai_chat", CHAT, "anthropic_messages")
    assert json.loads(made.answer(ANSWER)[1])["id"] == "msg_1"
    assert json.loads(made.answer(ANSWER.replace(b"msg_1", b""))[1])["id"] == "gx-1"


def test_urls_are_wanted_as_bytes_where_the_upstream_has_no_words_for_them() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    body = json.dumps(
        {"model": "auto", "max_tokens": 9, "system": "Hi", "messages": [{"role": "user", "content": [image]}]}
    ).encode()
    assert interpreter("anthropic_messages", body, "openai_chat").wants == ()
    made = interpreter("anthropic_messages", body, "bedrock_converse")
    (want,) = made.wants
    assert (want.url, want.kind, want.at) == ("https://example.com/a.png", "image", "messages[0].content[0]")
    with pytest.raises(InvalidRequest, match="found a URL"):
        made.request()
    made.take({want.url: ("image/png", b"PNG")})
    said = json.loads(made.request())
    assert said["messages"][0]["content"] == [{"image": {"format": "png", "source": {"bytes": "UE5H"}}}]
    assert [loss.field for loss in made.losses] == ["messages[0].content[0]"]
    assert made.wants == ()


@pytest.mark.parametrize(
    ("extensions", "whole"), [((), False), (("transforms",), False), (("plugins", "transforms"), True)]
)
def test_a_conversation_loses_its_middle_unless_the_upstream_is_told_to_do_it(
    extensions: tuple[str, ...], whole: bool
) -> None:
    turns = [{"role": "user", "content": "word " * 400} for _ in range(9)]
    body = json.dumps({"model": "auto", "messages": turns, "transforms": ["middle-out"], "odd": 1.5}).encode()
    made = interpreter("openai_chat", body, "openai_chat", window=4_000, quirks=Quirks(extensions=extensions))
    said = json.loads(made.request())
    assert (len(said["messages"]) == 9, "transforms" in said, said["odd"]) == (whole, bool(extensions), 1.5)
    assert [loss.field.partition(":")[0] for loss in made.losses] == ([] if whole else ["messages[2"])


TOLD = Told(
    (Started(protocol="openai_chat", id="x", model="m", created=1), PartStarted(choice=0, part=0, kind="text")),
    "Well, ",
    1,
    0,
)


def resuming(prefill: Prefill, *, wanted: bool = True, path: str | None = None) -> Interpreter:
    quirks = Quirks(prefill=prefill, prefill_path=path)
    made = interpreter("openai_chat", CHAT, "openai_chat", quirks=quirks)
    made.resume(TOLD, prefill=wanted)
    return made


def test_who_takes_the_beginning_of_an_answer_is_given_it() -> None:
    made = resuming("prefix")
    said = json.loads(made.request())
    assert said["messages"][1:] == [{"role": "assistant", "content": "Well, ", "prefix": True}]
    assert (said["seed"], said["odd"]) == (3, 1.5)
    assert made.given == "Well, "
    assert isinstance(made.relay(), Resumption)


@pytest.mark.parametrize(("most", "left"), [(50, 50 - tokens.estimate_text("Well, ")), (1, 1)])
def test_the_beginning_is_a_part_of_what_the_answer_may_have(most: int, left: int) -> None:
    body = json.dumps({**json.loads(CHAT), "max_tokens": most}).encode()
    made = interpreter("openai_chat", body, "openai_chat", quirks=Quirks(prefill="prefix"))
    made.resume(TOLD, prefill=True)
    assert json.loads(made.request())["max_tokens"] == left


def test_who_repeats_the_beginning_has_to() -> None:
    made = resuming("prefix_echoed")
    assert json.loads(made.request())["messages"][1]["content"] == "Well, "
    assert made.given == ""


@pytest.mark.parametrize(("prefill", "wanted"), [("none", True), ("prefix", False)])
def test_who_is_given_none_is_asked_as_at_first(prefill: Prefill, wanted: bool) -> None:
    made = resuming(prefill, wanted=wanted, path="/beta")
    assert made.request() == CHAT.replace(b'"auto"', b'"small-v1"')
    assert (made.given, made.url) == ("", "https://up/v1/chat/completions")
    assert isinstance(made.relay(), Resumption)


def test_a_beginning_goes_where_the_provider_takes_it() -> None:
    assert resuming("prefix", path="/beta/chat/completions").url == "https://up/beta/chat/completions"
    assert resuming("prefix").url == "https://up/v1/chat/completions"
