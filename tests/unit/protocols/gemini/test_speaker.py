from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.gemini.speaker import SKIP, Speaker, said_output
from gearshift.protocols.signatures import seal
from gearshift.types.chat import CacheMark, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

SEALED = seal("sig", "anthropic_messages", "gemini", base64=True)
OWN = Reasoning(text="", signature="c2ln", origin="gemini")


def said(*parts: Part, to_caller: bool = False, skip: bool = False) -> tuple[object, list[Loss]]:
    losses: list[Loss] = []
    spoken = Speaker(losses, {}, to_caller=to_caller, skip=skip).parts(parts, "at")
    return json.loads(msgspec.json.encode(spoken)), losses


def test_foreign_thinking_is_sealed_for_a_caller_and_dropped_for_an_upstream() -> None:
    thought = Reasoning(text="Hm", signature="sig", origin="anthropic_messages")
    hidden = Reasoning(text="", signature="sig", origin="anthropic_messages", redacted=True)
    other = seal("sig", "anthropic_messages", "gemini", base64=True, redacted=True)
    spoken = [{"text": "Hm", "thought": True, "thoughtSignature": SEALED}, {"text": "Hi", "thoughtSignature": other}]
    assert said(thought, hidden, Text(text="Hi"), to_caller=True) == (spoken, [])
    told, losses = said(thought, hidden, Text(text="Hi"))
    assert told == [{"text": "Hi"}]
    assert [(loss.field, loss.kind) for loss in losses] == [("at[0]", "dropped"), ("at[1]", "dropped")]


def test_a_signature_that_nothing_follows_stands_alone() -> None:
    assert said(Text(text="Hi"), OWN) == ([{"text": "Hi"}, {"text": "", "thoughtSignature": "c2ln"}], [])


@pytest.mark.parametrize(("skip", "signed"), [(True, {"thoughtSignature": SKIP}), (False, {})])
def test_only_calls_that_are_not_signed_say_to_skip(skip: bool, signed: dict[str, object]) -> None:
    call = ToolCall(id="c", name="f", arguments="")
    inner = {"functionCall": {"name": "f", "args": {}, "id": "c"}}
    told, _ = said(Text(text="Hi"), call, call, skip=skip)
    assert told == [{"text": "Hi"}, {**inner, **signed}, inner]  # of calls in parallel the first one is signed
    told, _ = said(OWN, call, call, skip=skip)
    assert told == [{**inner, "thoughtSignature": "c2ln"}, inner]


def test_a_result_is_named_by_its_call() -> None:
    call = ToolCall(id="c", name="f", arguments="{}")
    result = ToolResult(call_id="c", parts=(Text(text="a"), Text(text="b")), is_error=True)
    told, losses = said(call, result)
    assert told == [
        {"functionCall": {"name": "f", "args": {}, "id": "c"}},
        {"functionResponse": {"name": "f", "response": {"error": "a\nb"}, "id": "c"}},
    ]
    assert [(loss.field, loss.kind) for loss in losses] == [("at[1]", "mapped")]
    with pytest.raises(Misfit, match="a call 'c' that was not made before it"):
        said(result)


@pytest.mark.parametrize(
    ("part", "spoken", "loss"),
    [
        (Refusal(text="No"), {"text": "No"}, ("at[0]", "mapped")),
        (Text(text="Hi", cache=CacheMark()), {"text": "Hi"}, ("at[0].cache_control", "dropped")),
        (
            Media(kind="image", url="u", media_type="image/png", detail="low"),
            {"fileData": {"mimeType": "image/png", "fileUri": "u"}},
            ("at[0].detail", "dropped"),
        ),
        (
            Media(kind="image", url="https://a/b.webp"),
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://a/b.webp"}},
            ("at[0].media_type", "mapped"),
        ),
        (
            Media(kind="image", data="AA=="),
            {"inlineData": {"mimeType": "image/jpeg", "data": "AA=="}},
            None,
        ),
        (
            Media(kind="audio", url="https://a/b"),
            {"fileData": {"mimeType": "audio/wav", "fileUri": "https://a/b"}},
            ("at[0].media_type", "mapped"),
        ),
    ],
)
def test_what_is_said_in_another_way_is_a_loss(part: Part, spoken: object, loss: tuple[str, str] | None) -> None:
    told, losses = said(part)
    assert told == [spoken]
    assert [(each.field, each.kind) for each in losses] == ([loss] if loss else [])


def test_arguments_that_are_no_object_are_said_as_they_came() -> None:
    told, losses = said(ToolCall(id="c", name="f", arguments='{"a": "x'))
    assert told == [{"functionCall": {"name": "f", "args": {"INVALID_JSON": '{"a": "x'}, "id": "c"}}]
    assert [(loss.field, loss.kind) for loss in losses] == [("at[0].arguments", "mapped")]


@pytest.mark.parametrize(
    ("text", "failed", "spoken"),
    [
        ("ok", False, {"output": "ok"}),
        ("", False, {"output": ""}),
        ("no", True, {"error": "no"}),
        ('{"t":1.0}', False, Raw(b'{"t":1.0}')),
        ('{"t":1}', True, {"error": '{"t":1}'}),
        ('{"t":', False, {"output": '{"t":'}),
        ("[1]", False, {"output": "[1]"}),
        ('{"output":"ok"}', False, {"output": '{"output":"ok"}'}),
        ('{"error":"no"}', False, {"output": '{"error":"no"}'}),
    ],
)
def test_a_result_is_said_as_an_object(text: str, failed: bool, spoken: object) -> None:
    assert said_output(text, failed=failed) == spoken
