from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.gemini.calls import Calls
from gearshift.protocols.gemini.parts import camel, decode_parts
from gearshift.protocols.gemini.speaker import SKIP, Speaker
from gearshift.protocols.signatures import seal
from gearshift.types.chat import Media, Part, Reasoning, Text, ToolCall, ToolResult
from gearshift.types.record import Loss

SEALED = seal("sig", "anthropic_messages", "gemini", base64=True)
OWN = Reasoning(text="", signature="c2ln", origin="gemini")


def decoded(*parts: object, calls: Calls | None = None) -> list[Part]:
    spoken = Raw(json.dumps(parts, separators=(",", ":")).encode())
    return list(decode_parts({"parts": spoken}, calls or Calls(), "contents[1]"))


def said(*parts: Part, to_caller: bool = False, skip: bool = False) -> tuple[object, list[Loss]]:
    losses: list[Loss] = []
    spoken = Speaker(losses, {}, to_caller=to_caller, skip=skip).parts(parts, "at")
    return json.loads(msgspec.json.encode(spoken)), losses


@pytest.mark.parametrize(
    ("spoken", "part"),
    [
        ({"text": "Hi"}, Text(text="Hi")),
        ({"text": ""}, Text(text="")),
        ({"text": "Hi", "partMetadata": {"a": 1}}, Text(text="Hi", extra={"partMetadata": Raw(b'{"a":1}')})),
        ({"text": "Hi", "thought": False}, Text(text="Hi")),
        ({"text": "Hm", "thought": True}, Reasoning(text="Hm")),
        (
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            Media(kind="image", data="AA==", media_type="image/png"),
        ),
        (
            {"inline_data": {"mime_type": "audio/mp3", "data": "AA==", "display_name": "a"}},
            Media(kind="audio", data="AA==", media_type="audio/mp3", name="a"),
        ),
        (
            {"fileData": {"mimeType": "video/mp4", "fileUri": "u", "displayName": "b"}, "videoMetadata": {"fps": 1}},
            Media(kind="file", url="u", media_type="video/mp4", name="b", extra={"videoMetadata": Raw(b'{"fps":1}')}),
        ),
        ({"file_data": {"file_uri": "u"}}, Media(kind="file", url="u")),
        (
            {"executableCode": {"code": "1"}},
            Media(kind="file", extra={"type": Raw(b'"executableCode"'), "executableCode": Raw(b'{"code":"1"}')}),
        ),
        ({"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}, ToolCall(id="c", name="f", arguments='{"a":1}')),
        (
            {"function_call": {"name": "f", "willContinue": True}},
            ToolCall(
                id="gemini-call-0",
                name="f",
                arguments="{}",
                extra={"functionCall": Raw(b'{"willContinue":true}')},
            ),
        ),
    ],
)
def test_a_part_becomes_a_noun(spoken: object, part: Part) -> None:
    assert decoded(spoken) == [part]


def test_an_empty_part_says_nothing() -> None:
    assert decoded({}, {"thought": True}) == []
    assert list(decode_parts({}, Calls(), "contents[1]")) == []


def test_args_are_kept_byte_for_byte() -> None:
    args = '{ "a" : 1.50,  "b":"\\u00e9" }'
    spoken = Raw(b'[{"functionCall":{"name":"f","args":%b}}]' % args.encode())
    [call] = decode_parts({"parts": spoken}, Calls(), "")
    assert isinstance(call, ToolCall)
    assert call.arguments == args
    [again] = Speaker([], {}).parts((call,), "at")
    assert again == {"functionCall": {"name": "f", "args": Raw(args.encode())}}


@pytest.mark.parametrize("inner", [{"name": "f"}, {"name": "f", "args": None}, {"name": "f", "args": {}}])
def test_a_call_without_args_has_an_empty_object(inner: object) -> None:
    [call] = decoded({"functionCall": inner})
    assert isinstance(call, ToolCall)
    assert call.arguments == "{}"


@pytest.mark.parametrize(
    ("spoken", "path", "problem"),
    [
        ({"text": 5}, "text", "found a number, expected a string"),
        ({"text": None}, "text", "found null, expected a string"),
        ({"text": "a", "thought": "yes"}, "thought", "found a string, expected a boolean"),
        ({"text": "a", "thought_signature": 5}, "thoughtSignature", "found a number, expected a string"),
        ({"functionCall": []}, "functionCall", "found a list, expected an object"),
        ({"functionCall": {}}, "functionCall.name", "missing, expected a string"),
        ({"functionCall": {"name": "f", "id": 5}}, "functionCall.id", "found a number, expected a string"),
        ({"functionResponse": {}}, "functionResponse.name", "missing, expected a string"),
        ({"functionResponse": {"name": "f", "id": 5}}, "functionResponse.id", "found a number, expected a string"),
        (
            {"functionResponse": {"name": "f", "response": "ok"}},
            "functionResponse.response",
            "found a string, expected an object",
        ),
        (
            {"functionResponse": {"name": "f", "parts": 5}},
            "functionResponse.parts",
            "found a number, expected a list of parts",
        ),
        (
            {"functionResponse": {"name": "f", "parts": [{"inlineData": {"mimeType": "a/b"}}]}},
            "functionResponse.parts[0].inlineData.data",
            "missing, expected a string",
        ),
        (
            {"functionResponse": {"name": "f", "parts": [{"text": "x"}]}},
            "functionResponse.parts",
            "found a part that is no media, expected inlineData or fileData",
        ),
        (
            {"inlineData": {"mimeType": "a/b", "mime_type": "a/b", "data": ""}},
            "inlineData.mimeType",
            "said in two spellings, which may differ; say it once",
        ),
        ({"inlineData": 5}, "inlineData", "found a number, expected an object"),
        ({"inlineData": {"data": ""}}, "inlineData.mimeType", "missing, expected a string"),
        ({"inlineData": {"mimeType": "image/png"}}, "inlineData.data", "missing, expected a string"),
        (
            {"inlineData": {"mimeType": "a/b", "data": "", "displayName": 5}},
            "inlineData.displayName",
            "found a number, expected a string",
        ),
        ({"fileData": {}}, "fileData.fileUri", "missing, expected a string"),
        (
            {"fileData": {"fileUri": "u", "displayName": 5}},
            "fileData.displayName",
            "found a number, expected a string",
        ),
        ({"fileData": {"mimeType": 5, "fileUri": "u"}}, "fileData.mimeType", "found a number, expected a string"),
    ],
)
def test_a_wrong_field_is_named(spoken: object, path: str, problem: str) -> None:
    with pytest.raises(Misfit) as caught:
        decoded({"text": "before"}, spoken)
    assert (caught.value.path, caught.value.problem) == (f"contents[1].parts[1].{path}", problem)


def test_a_key_in_two_spellings_is_refused() -> None:
    assert camel({"top_p": Raw(b"1"), "other_key": Raw(b"2")}) == {"topP": Raw(b"1"), "other_key": Raw(b"2")}
    with pytest.raises(Misfit, match="topP: said in two spellings"):
        camel({"topP": Raw(b"1"), "top_p": Raw(b"1")})


def test_calls_without_ids_get_some_and_their_responses_find_them() -> None:
    calls = Calls("r-")
    assert [calls.called("f", None), calls.called("g", "own"), calls.called("f", None), calls.called("h", "")] == [
        "gemini-call-r-0",
        "own",
        "gemini-call-r-2",
        "gemini-call-r-3",
    ]
    assert [calls.answered("g", None), calls.answered("f", None), calls.answered("f", None)] == [
        "own",
        "gemini-call-r-0",
        "gemini-call-r-2",
    ]
    assert calls.answered("f", None) == "gemini-call-none-f"
    assert calls.answered("f", "unheard") == "unheard"


def test_a_response_with_an_id_takes_its_own_call() -> None:
    calls = Calls()
    assert (calls.called("f", "a"), calls.called("f", "b")) == ("a", "b")
    assert calls.answered("f", "b") == "b"
    assert calls.answered("f", None) == "a"


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"response": {"output": "ok"}}, "ok", None),
        ({"response": {"error": "no"}}, "no", True),
        ({"response": {"t": 21}}, '{"t":21}', None),
        ({"response": {"output": "a", "error": "b"}}, '{"output":"a","error":"b"}', None),
        ({}, "{}", None),
    ],
)
def test_a_function_response_is_a_result(response: dict[str, object], text: str, failed: bool | None) -> None:
    calls = Calls()
    call, result = decoded(
        {"functionCall": {"name": "f"}}, {"functionResponse": {"name": "f", **response}}, calls=calls
    )
    assert isinstance(call, ToolCall)
    assert result == ToolResult(call_id=call.id, parts=(Text(text=text),), name="f", is_error=failed)


def test_a_function_response_holds_media_and_unknown_fields() -> None:
    spoken = {
        "functionResponse": {
            "name": "f",
            "id": "c",
            "response": {"output": "ok"},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
            "scheduling": "SILENT",
        }
    }
    result = ToolResult(
        call_id="c",
        parts=(Text(text="ok"), Media(kind="image", data="AA==", media_type="image/png")),
        name="f",
        extra={"functionResponse": Raw(b'{"scheduling":"SILENT"}')},
    )
    assert decoded(spoken) == [result]
    assert said(result) == ([spoken], [])


@pytest.mark.parametrize(
    ("spoken", "parts"),
    [
        (
            {"text": "Hm", "thought": True, "thoughtSignature": "c2ln"},
            [Reasoning(text="Hm", signature="c2ln", origin="gemini")],
        ),
        ({"text": "Hi", "thought_signature": "c2ln"}, [OWN, Text(text="Hi")]),
        ({"text": "", "thoughtSignature": "c2ln"}, [OWN]),
        ({"thoughtSignature": "c2ln"}, [OWN]),
        ({"text": "Hi", "thoughtSignature": ""}, [Text(text="Hi")]),
        (
            {"functionCall": {"name": "f", "id": "c"}, "thoughtSignature": "c2ln"},
            [OWN, ToolCall(id="c", name="f", arguments="{}")],
        ),
        (
            {"functionCall": {"name": "f", "id": "c"}, "thoughtSignature": SKIP},
            [Reasoning(text="", signature=SKIP, origin="gemini"), ToolCall(id="c", name="f", arguments="{}")],
        ),
        (
            {"text": "Hm", "thought": True, "thoughtSignature": SEALED},
            [Reasoning(text="Hm", signature="sig", origin="anthropic_messages")],
        ),
        (
            {"text": "Hi", "thoughtSignature": SEALED},
            [Reasoning(text="", signature="sig", origin="anthropic_messages"), Text(text="Hi")],
        ),
    ],
)
def test_a_signature_is_thinking_in_front_of_what_it_signs(spoken: object, parts: list[Part]) -> None:
    assert decoded(spoken) == parts


@pytest.mark.parametrize(
    "spoken",
    [
        [{"text": "Hi"}],
        [{"text": "Hm", "thought": True}, {"text": "Hi", "partMetadata": {"a": 1}}],
        [{"text": "Hm", "thought": True, "thoughtSignature": "c2ln"}, {"text": "Hi"}],
        [{"text": "", "thoughtSignature": "YQ=="}, {"text": "Hi", "thoughtSignature": "Yg=="}],
        [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}],
        [{"functionCall": {"name": "f", "args": {}, "id": "c", "willContinue": True}}],
        [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}],
        [{"functionResponse": {"name": "f", "response": {"error": "no"}, "id": "c"}}],
        [{"functionResponse": {"name": "f", "response": {"t": [1]}}}],
        [{"inlineData": {"mimeType": "image/png", "data": "AA==", "displayName": "a"}}],
        [{"fileData": {"mimeType": "video/mp4", "fileUri": "u"}, "videoMetadata": {"fps": 1}}],
        [{"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}],
    ],
)
def test_what_was_decoded_is_said_again(spoken: list[object]) -> None:
    assert said(*decoded(*spoken), to_caller=True) == (spoken, [])
