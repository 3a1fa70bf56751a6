from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid, UpstreamRefused
from gearshift.protocols.codec import ResponseEdits, ResponsePeek
from gearshift.protocols.gemini.response import decode_response, encode_response, patch_response, peek_response
from gearshift.protocols.gemini.usage import decode_usage, encode_usage
from gearshift.protocols.signatures import seal
from gearshift.types.chat import Choice, Citation, Part, Reasoning, Refusal, Response, Text, ToolCall, Usage

CANDIDATE: dict[str, object] = {
    "content": {"parts": [{"text": "Hi"}], "role": "model"},
    "index": 0,
    "finishReason": "STOP",
}
COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
FAILURES = (
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
)


def body(**fields: object) -> bytes:
    whole = {"candidates": [CANDIDATE], "modelVersion": "up-1", "responseId": "r"}
    return json.dumps(whole | fields, separators=(",", ":")).encode()


def answer(*parts: object, **fields: object) -> bytes:
    return body(candidates=[CANDIDATE | {"content": {"parts": parts, "role": "model"}} | fields])


def response(*parts: Part, usage: Usage | None = None) -> Response:
    choice = Choice(index=0, parts=parts, finish_reason="stop")
    return Response(protocol="gemini", id="r", model="up-1", created=0, choices=(choice,), usage=usage)


def test_a_plain_answer() -> None:
    told = response(Text(text="Hi"), usage=Usage(input_tokens=3, output_tokens=2))
    assert decode_response(body(usageMetadata=COUNTS)) == told
    assert json.loads(encode_response(told).body) == json.loads(body(usageMetadata=COUNTS))


def test_an_answer_with_everything() -> None:
    spoken = body(
        candidates=[
            {
                "content": {
                    "parts": [
                        {"text": "Hm", "thought": True, "thoughtSignature": "c2ln"},
                        {"text": "Hi"},
                        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "YQ=="},
                        {"functionCall": {"name": "g", "args": {}, "id": "c"}},
                        {"executableCode": {"code": "1"}},
                    ],
                    "role": "model",
                },
                "index": 0,
                "finishReason": "STOP",
                "safetyRatings": [],
            }
        ],
        promptFeedback={"safetyRatings": []},
        usageMetadata=COUNTS | {"trafficType": "X"},
    )
    told = decode_response(spoken)
    assert told.choices == (
        Choice(
            index=0,
            parts=(
                Reasoning(text="Hm", signature="c2ln", origin="gemini"),
                Text(text="Hi"),
                Reasoning(text="", signature="YQ==", origin="gemini"),
                ToolCall(id="gemini-call-r-0", name="f", arguments='{"a":1}'),
                ToolCall(id="c", name="g", arguments="{}"),
            ),
            finish_reason="tool_calls",
            extra={"safetyRatings": Raw(b"[]"), "message": Raw(b'{"parts":[{"executableCode":{"code":"1"}}]}')},
        ),
    )
    assert told.extra == {
        "promptFeedback": Raw(b'{"safetyRatings":[]}'),
        "usageMetadata": Raw(b'{"trafficType":"X"}'),
    }
    assert json.loads(encode_response(told).body) == json.loads(spoken)


def test_text_and_thoughts_in_pieces_are_one() -> None:
    spoken = answer(
        {"text": "H", "thought": True},
        {"text": "m", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "next", "thought": True},
        {"text": ""},
        {"text": "H"},
        {"text": "i"},
    )
    assert decode_response(spoken).choices[0].parts == (
        Reasoning(text="Hm", signature="c2ln", origin="gemini"),
        Reasoning(text="next"),
        Text(text="Hi"),
    )


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        (COUNTS, Usage(input_tokens=3, output_tokens=2)),
        ({"promptTokenCount": 3}, Usage(input_tokens=3)),
        (
            COUNTS | {"thoughtsTokenCount": 7, "cachedContentTokenCount": 1},
            Usage(input_tokens=3, output_tokens=9, reasoning_tokens=7, cache_read_tokens=1),
        ),
        (COUNTS | {"toolUsePromptTokenCount": 4}, Usage(input_tokens=7, output_tokens=2)),
        (COUNTS | {"estimated": True}, Usage(input_tokens=3, output_tokens=2, estimated=True)),
        (COUNTS | {"thoughtsTokenCount": None}, Usage(input_tokens=3, output_tokens=2)),
    ],
)
def test_thoughts_are_counted_beside_the_answer(counts: dict[str, object], usage: Usage) -> None:
    assert decode_usage(Raw(json.dumps(counts).encode())) == (usage, {})


@pytest.mark.parametrize(
    "spoken", [None, 5, {}, {"candidatesTokenCount": 2}, COUNTS | {"promptTokenCount": -1}, {"promptTokenCount": "3"}]
)
def test_an_unknown_usage_is_none_and_never_zero(spoken: object) -> None:
    told = decode_response(body(usageMetadata=spoken))
    assert told.usage is None
    assert b'"promptTokenCount":0' not in encode_response(told).body


def test_usage_is_said_as_it_was_counted() -> None:
    usage = Usage(input_tokens=3, output_tokens=9, reasoning_tokens=7, cache_read_tokens=1, estimated=True)
    assert encode_usage(usage) == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 2,
        "totalTokenCount": 12,
        "cachedContentTokenCount": 1,
        "thoughtsTokenCount": 7,
        "estimated": True,
    }
    assert encode_usage(Usage(input_tokens=3, output_tokens=2)) == COUNTS
    assert "usageMetadata" not in json.loads(encode_response(response(Text(text="Hi"))).body)


@pytest.mark.parametrize(
    ("word", "reason", "kept"),
    [
        ("STOP", "stop", False),
        ("MAX_TOKENS", "length", False),
        ("SAFETY", "content_filter", False),
        ("BLOCKLIST", "content_filter", True),
        ("LANGUAGE", "content_filter", True),
        ("SPII", "content_filter", True),
        ("IMAGE_RECITATION", "content_filter", True),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter", True),
        ("RECITATION", "content_filter", True),
        ("PROHIBITED_CONTENT", "content_filter", True),
        ("IMAGE_SAFETY", "content_filter", True),
        ("MODEL_ARMOR", "content_filter", True),
        ("OTHER", "stop", True),
        ("A_NEW_ONE", "stop", True),
        (None, None, False),
    ],
)
def test_finish_reasons(word: str | None, reason: str | None, kept: bool) -> None:
    told = decode_response(answer({"text": "Hi"}, finishReason=word))
    assert told.choices[0].finish_reason == reason
    assert told.choices[0].extra == ({"finishReason": Raw(json.dumps(word).encode())} if kept else {})
    assert json.loads(encode_response(told).body)["candidates"][0].get("finishReason") == word


@pytest.mark.parametrize(
    ("word", "reason"), [("STOP", "tool_calls"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter")]
)
def test_an_answer_that_calls_and_stops_ends_with_its_calls(word: str, reason: str) -> None:
    told = decode_response(answer({"functionCall": {"name": "f"}}, finishReason=word))
    assert told.choices[0].finish_reason == reason
    assert json.loads(encode_response(told).body)["candidates"][0]["finishReason"] == word


def test_a_blocked_prompt_is_an_answer_without_words() -> None:
    spoken = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3},"responseId":"r"}'
    told = decode_response(spoken)
    assert told.choices == (Choice(index=0, parts=(), finish_reason="content_filter"),)
    assert told.usage == Usage(input_tokens=3)
    assert told.extra == {"promptFeedback": Raw(b'{"blockReason":"SAFETY"}')}
    again = json.loads(encode_response(told).body)
    assert again["candidates"] == [{"content": {"parts": [], "role": "model"}, "index": 0, "finishReason": "SAFETY"}]
    assert again["promptFeedback"] == {"blockReason": "SAFETY"}
    with pytest.raises(UpstreamInvalid, match="candidates: found none"):
        decode_response(b'{"promptFeedback":{"safetyRatings":[]}}')


def test_citations_are_of_the_last_text() -> None:
    cited = {"citations": [{"startIndex": 1, "endIndex": 2, "uri": "u", "title": "t"}, {"uri": "v"}]}
    call = {"functionCall": {"name": "f", "args": {}}}
    spoken = answer({"text": "a"}, call, {"text": "b"}, call, citationMetadata=cited)
    told = decode_response(spoken)
    first, _, last, _ = told.choices[0].parts
    assert first == Text(text="a")
    assert last == Text(text="b", citations=(Citation(url="u", title="t", start=1, end=2), Citation(url="v")))
    assert json.loads(encode_response(told).body)["candidates"][0]["citationMetadata"] == cited


def test_citations_under_their_older_name() -> None:
    told = decode_response(answer({"text": "a"}, citationMetadata={"citationSources": [{"uri": "u"}]}))
    assert told.choices[0].parts == (Text(text="a", citations=(Citation(url="u"),)),)


def test_citations_without_an_address_are_kept_raw() -> None:
    told = decode_response(answer({"text": "a"}, citationMetadata={"citations": [{"title": "t"}]}))
    assert told.choices[0].parts == (Text(text="a"),)
    assert told.choices[0].extra == {"citationMetadata": Raw(b'{"citations":[{"title":"t"}]}')}


def test_logprobs_go_both_ways() -> None:
    scores = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.5}]}],
    }
    told = decode_response(answer({"text": "a"}, logprobsResult=scores))
    [choice] = told.choices
    assert choice.logprobs is not None
    [token] = json.loads(bytes(choice.logprobs))["content"]
    assert (token["token"], token["logprob"], token["top_logprobs"][0]["token"]) == ("a", -0.5, "b")
    assert json.loads(encode_response(told).body)["candidates"][0]["logprobsResult"] == scores
    assert choice.extra == {}


def test_what_upstreams_leave_out_is_forgiven() -> None:
    told = decode_response(b'{"candidates":[{},{"content":{"parts":[{"text":"b"}]}}],"modelVersion":5}')
    assert (told.id, told.model, told.usage) == ("", "5", None)
    assert [(choice.index, choice.finish_reason, len(choice.parts)) for choice in told.choices] == [
        (0, None, 0),
        (1, None, 1),
    ]


def test_what_gemini_did_not_sign_is_sealed_for_the_caller() -> None:
    thought = Reasoning(text="Hm", signature="sig", origin="anthropic_messages")
    told = encode_response(response(thought, Refusal(text="No")))
    sealed = seal("sig", "anthropic_messages", "gemini", base64=True)
    assert json.loads(told.body)["candidates"][0]["content"]["parts"] == [
        {"text": "Hm", "thought": True, "thoughtSignature": sealed},
        {"text": "No"},
    ]
    assert [(loss.field, loss.kind) for loss in told.losses] == [("parts[1]", "mapped")]


BAD = [
    (b"", "found an empty body, expected JSON"),
    (b" \n", "found an empty body, expected JSON"),
    (b"<!DOCTYPE html><title>502</title>", "found HTML or XML, expected JSON"),
    (b'{"candidates":[', "not valid JSON"),
    (b"[]", "found JSON that is not an object"),
    (b'{"error":{"code":503,"message":"Over\\nloaded"}}', "found an error in place of an answer: Over loaded"),
    (b'{"error":{"code":1}}', "found an error in place of an answer: without a message"),
    (b"{}", "candidates: found none, expected at least one"),
    (body(candidates=[]), "candidates: found none, expected at least one"),
    (body(candidates=5), "candidates: found a number, expected a list of objects"),
    (body(candidates=[CANDIDATE, 5]), "candidates[1]: found a number, expected an object"),
    (body(candidates=[{"index": "a"}]), "candidates[0].index: found a string, expected a whole number"),
    (body(candidates=[{"content": "Hi"}]), "candidates[0].content: found a string, expected an object"),
    (answer({"text": 5}), "candidates[0].content.parts[0].text: found a number, expected a string"),
    (answer(finishReason=5), "candidates[0].finishReason: found a number, expected a string"),
    (body(candidates=[], promptFeedback=5), "promptFeedback: found a number, expected an object"),
    *[(answer({"text": "Hi"}, finishReason=word), f"it ended with finishReason {word}") for word in FAILURES],
]


@pytest.mark.parametrize(("spoken", "message"), BAD)
def test_what_is_no_answer_is_refused_in_words(spoken: bytes, message: str) -> None:
    for read in (decode_response, peek_response):
        with pytest.raises((UpstreamInvalid, UpstreamRefused)) as caught:
            read(spoken)
        assert caught.value.message.startswith("the upstream's answer: ")
        assert message in caught.value.message


def test_the_peek_gives_the_facts() -> None:
    spoken = answer({"text": "H\u00e9"}, {"text": "Hm", "thought": True}, {"functionCall": {"name": "f", "args": {}}})
    assert peek_response(spoken[:-1] + b',"usageMetadata":{"promptTokenCount":3}}') == ResponsePeek(
        usage=Usage(input_tokens=3),
        finish_reason="tool_calls",
        response_id="r",
        upstream_model="up-1",
        answer_bytes=7,
        call_id="gemini-call-r-0",
    )
    bare = ResponsePeek(usage=None, finish_reason=None, response_id=None, upstream_model=None, answer_bytes=0)
    assert peek_response(b'{"candidates":[{}]}') == bare


EDITS = ResponseEdits(model="small", usage=b'"cost":0.5')


def test_the_patch_touches_nothing_else() -> None:
    spoken = b'{ "modelVersion" : "up-1",\n "x":1.50, "candidates":[ {} ], "y":"\\u00e9" }\n'
    assert patch_response(spoken, ResponseEdits(model="small")) == spoken.replace(b"up-1", b"small")
    assert patch_response(b'{"candidates":[]}', ResponseEdits(model="small")) == (
        b'{"candidates":[],"modelVersion":"small"}'
    )


@pytest.mark.parametrize(
    ("usage", "edits", "patched"),
    [
        (COUNTS | {"cost": 9, "a": 1}, EDITS, COUNTS | {"cost": 0.5, "a": 1}),
        (None, EDITS, {"cost": 0.5}),
        ([], EDITS, {"cost": 0.5}),
        (COUNTS, ResponseEdits(model="small"), COUNTS),
        (None, ResponseEdits(model="small"), None),
        (COUNTS, ResponseEdits(model="small", counted=Usage(input_tokens=9)), COUNTS),
        (
            {"a": 1},
            ResponseEdits(model="small", usage=b'"cost":0.5', counted=Usage(input_tokens=3, output_tokens=2)),
            COUNTS | {"a": 1, "cost": 0.5},
        ),
    ],
)
def test_the_usage_is_added_to(usage: object, edits: ResponseEdits, patched: object) -> None:
    assert json.loads(patch_response(body(usageMetadata=usage), edits))["usageMetadata"] == patched


def test_what_is_odd_beside_a_paid_answer_does_not_cost_it() -> None:
    spoken = body()[:-1] + b',"responseId":"s","x":1,"x":2}'
    assert decode_response(spoken).id == "s"
    patched = patch_response(spoken, ResponseEdits(model="small"))
    assert patched.count(b'"responseId"') == 1
    assert json.loads(patched)["modelVersion"] == "small"


def test_half_a_surrogate_pair_stays_byte_for_byte() -> None:
    spoken = body().replace(b'"Hi"', b'"Hi\\ud83d"')
    assert patch_response(spoken, ResponseEdits(model="up-1")) == spoken
    assert decode_response(spoken).choices[0].parts == (Text(text="Hi\ufffd"),)


def test_metadata_is_added_at_the_top_or_replaced() -> None:
    edits = ResponseEdits(model="small", top=b'"gearshift":{"router":"auto"},"x":2')
    told = json.loads(patch_response(body(x=1), edits))
    assert told == json.loads(body(x=2, modelVersion="small")) | {"gearshift": {"router": "auto"}}
