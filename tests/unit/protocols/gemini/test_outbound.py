from __future__ import annotations

import json

import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits
from gearshift.protocols.gemini import codec
from gearshift.protocols.gemini.outbound import encode_request, has_levels, patch_request
from gearshift.protocols.gemini.speaker import SKIP
from gearshift.types.chat import (
    CacheMark,
    Message,
    Part,
    Reasoning,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

SCHEMA = Raw(b'{ "type":"object" }')


def message(role: Role, *parts: Part | str, name: str | None = None) -> Message:
    return Message(
        role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts), name=name
    )


REQUEST = Request(protocol="openai_chat", model="m", messages=(message("user", "Hi"),))
CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


def encoded(model: str = "gemini-3-pro", /, **fields: object) -> Encoded:
    return encode_request(replace(REQUEST, **fields), RequestEdits(model=model))


def lost(told: Encoded) -> list[tuple[str, str]]:
    return [(loss.field, loss.kind) for loss in told.losses]


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-3-pro", False, "/models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", True, "/models/gemini-3-pro:streamGenerateContent?alt=sse"),
        ("a/b c?", False, "/models/a/b%20c%3F:generateContent"),
    ],
)
def test_the_path_says_the_model_and_whether_to_stream(model: str, stream: bool, path: str) -> None:
    assert codec.path(model, stream=stream) == path


def test_a_plain_request() -> None:
    told = encoded()
    assert json.loads(told.body) == {"contents": CONTENTS}
    assert told.losses == ()


def test_results_that_follow_each_other_are_one_content() -> None:
    calls = [ToolCall(id=each, name=f"f{each}", arguments="{}") for each in "ab"]
    results = [message("tool", ToolResult(call_id=each, parts=(Text(text=each),))) for each in "ab"]
    told = encoded(
        "gemini-2.5-pro",
        messages=(message("user", "Hi"), message("assistant", *calls), *results, message("user", "go on")),
    )
    said = json.loads(told.body)["contents"]
    assert [content["role"] for content in said] == ["user", "model", "user", "user"]
    assert said[1]["parts"] == [
        {"functionCall": {"name": "fa", "args": {}, "id": "a"}},
        {"functionCall": {"name": "fb", "args": {}, "id": "b"}},
    ]
    assert said[2]["parts"] == [
        {"functionResponse": {"name": "fa", "response": {"output": "a"}, "id": "a"}},
        {"functionResponse": {"name": "fb", "response": {"output": "b"}, "id": "b"}},
    ]
    last = encoded("gemini-2.5-pro", messages=(message("assistant", *calls), *results))
    assert json.loads(last.body)["contents"][-1]["parts"] == said[2]["parts"]


def test_the_first_words_of_the_system_are_its_instruction() -> None:
    told = encoded(
        messages=(
            message("system", "a"),
            message("developer", "b"),
            message("user", "Hi"),
            message("system", "c"),
            message("developer", "d"),
        )
    )
    assert json.loads(told.body) == {
        "contents": [*CONTENTS, *({"role": "user", "parts": [{"text": word}]} for word in "cd")],
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
    }
    assert lost(told) == [("messages[3]", "mapped"), ("messages[4]", "mapped"), ("messages[1]", "mapped")]


def test_tools_are_declared_with_a_json_schema() -> None:
    search = Tool(name="googleSearch", extra={"type": Raw(b'"googleSearch"'), "googleSearch": Raw(b"{}")})
    function = Tool(name="f", description="d", parameters=SCHEMA, extra={"behavior": Raw(b'"BLOCKING"')})
    told = encoded(tools=(search, function, Tool(name="g")))
    assert json.loads(told.body)["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "d",
                    "parametersJsonSchema": {"type": "object"},
                    "behavior": "BLOCKING",
                },
                {"name": "g"},
            ]
        },
        {"googleSearch": {}},
    ]
    assert bytes(SCHEMA) in told.body
    assert json.loads(encoded(tools=(search,)).body)["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="named", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, config: object) -> None:
    assert json.loads(encoded(tool_choice=choice).body)["toolConfig"] == {"functionCallingConfig": config}


def test_the_knobs_have_their_names() -> None:
    sampling = Sampling(
        max_output_tokens=5,
        temperature=0.5,
        top_p=0.25,
        top_k=4,
        stop=("a", "b"),
        seed=7,
        n=2,
        presence_penalty=0.125,
        frequency_penalty=-0.5,
        logprobs=True,
        top_logprobs=3,
    )
    told = encoded(sampling=sampling)
    assert json.loads(told.body)["generationConfig"] == {
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 4,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "candidateCount": 2,
        "presencePenalty": 0.125,
        "frequencyPenalty": -0.5,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert told.losses == ()


@pytest.mark.parametrize(
    ("form", "config"),
    [
        (ResponseFormat(kind="json_object"), {"responseMimeType": "application/json"}),
        (
            ResponseFormat(kind="json_schema", schema=SCHEMA),
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
        (ResponseFormat(kind="text"), None),
    ],
)
def test_the_form_of_the_answer(form: ResponseFormat, config: object) -> None:
    assert json.loads(encoded(response_format=form).body).get("generationConfig") == config


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        ("gemini-3-pro", True),
        ("google/gemini-3.5-flash", True),
        ("gemini-10-x", True),
        ("gemini-2.5-pro", False),
        ("gemma-3", False),
    ],
)
def test_models_from_the_third_generation_on_have_levels(model: str, levels: bool) -> None:
    assert has_levels(model) is levels


@pytest.mark.parametrize(
    ("sampling", "model", "config", "losses"),
    [
        (Sampling(reasoning_effort="low"), "gemini-3-pro", {"thinkingLevel": "LOW"}, []),
        (Sampling(reasoning_effort="minimal"), "gemini-3-flash", {"thinkingLevel": "MINIMAL"}, []),
        (Sampling(reasoning_effort="max"), "gemini-3-pro", {"thinkingLevel": "XHIGH"}, ["mapped"]),
        (Sampling(reasoning_effort="low"), "gemini-2.5-pro", {"thinkingBudget": 1024}, ["mapped"]),
        (Sampling(reasoning_effort="high"), "gemini-2.5-flash", {"thinkingBudget": 24576}, ["mapped"]),
        (Sampling(reasoning_effort="none"), "gemini-2.5-flash", {"thinkingBudget": 0}, ["mapped"]),
        (Sampling(reasoning_effort="none"), "gemini-3-flash", {"thinkingBudget": 0}, ["mapped"]),
        (Sampling(reasoning_budget=-1), "gemini-2.5-flash", {"thinkingBudget": -1}, []),
        (
            Sampling(reasoning_budget=5, reasoning_effort="low"),
            "gemini-2.5-flash",
            {"thinkingBudget": 5},
            ["dropped"],
        ),
        (Sampling(reasoning_shown="omitted"), "gemini-3-pro", {"includeThoughts": False}, []),
        (Sampling(reasoning_shown="detailed"), "gemini-3-pro", {"includeThoughts": True}, []),
    ],
)
def test_how_much_to_think(sampling: Sampling, model: str, config: object, losses: list[str]) -> None:
    told = encoded(model, sampling=sampling)
    assert json.loads(told.body)["generationConfig"] == {"thinkingConfig": config}
    assert lost(told) == [("reasoning_effort", kind) for kind in losses]


def test_a_level_of_ones_own_protocol_stays_one() -> None:
    told = encoded("gemini-2.5-pro", protocol="gemini", sampling=Sampling(reasoning_effort="low"))
    assert json.loads(told.body)["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "LOW"}}
    assert told.losses == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user": "u"}, "user"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"cache": CacheMark()}, "cache_control"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"sampling": Sampling(verbosity="low")}, "verbosity"),
        ({"messages": (message("user", "Hi", name="Bo"),)}, "messages[0].name"),
        ({"messages": (message("system", "S", name="Bo"), message("user", "Hi"))}, "messages[0].name"),
        ({"tools": (Tool(name="f", strict=True),)}, "tools.f.strict"),
        ({"tools": (Tool(name="f", cache=CacheMark()),)}, "tools.f.cache_control"),
    ],
)
def test_what_gemini_has_no_field_for_is_dropped(fields: dict[str, object], field: str) -> None:
    told = encoded(**fields)
    assert lost(told) == [(field, "dropped")]
    assert {"contents", "systemInstruction", "tools"} >= json.loads(told.body).keys()


def test_what_asks_for_nothing_is_no_loss() -> None:
    assert encoded(parallel_tool_calls=True, metadata={}, tools=(Tool(name="f", strict=False),)).losses == ()


def test_what_has_no_noun_is_said_again() -> None:
    extra = {"safetySettings": Raw(b"[]"), "generationConfig": Raw(b'{"mediaResolution":"LOW"}')}
    told = encoded(protocol="gemini", sampling=Sampling(seed=7), extra=extra)
    assert json.loads(told.body) == {
        "contents": CONTENTS,
        "generationConfig": {"seed": 7, "mediaResolution": "LOW"},
        "safetySettings": [],
    }


@pytest.mark.parametrize(("model", "signature"), [("gemini-3-pro", SKIP), ("gemini-2.5-pro", None)])
def test_calls_of_a_conversation_from_elsewhere_skip_the_signature(model: str, signature: str | None) -> None:
    told = encoded(model, messages=(message("assistant", ToolCall(id="c", name="f", arguments="{}")),))
    assert json.loads(told.body)["contents"][0]["parts"][0].get("thoughtSignature") == signature


def test_own_signatures_come_back_from_another_protocol() -> None:
    thought = Reasoning(text="", signature="c2ln", origin="gemini")
    told = encoded(messages=(message("assistant", thought, ToolCall(id="c", name="f", arguments="{}")),))
    [part] = json.loads(told.body)["contents"][0]["parts"]
    assert part["thoughtSignature"] == "c2ln"
    assert told.losses == ()


@pytest.mark.parametrize(
    ("part", "role", "problem"),
    [
        (ToolResult(call_id="c", parts=()), "tool", "expected its call"),
    ],
)
def test_what_cannot_be_said_is_refused(part: Part, role: Role, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as caught:
        encoded(messages=(message(role, part),))
    assert caught.value.param is not None
    assert caught.value.message.startswith(f"{caught.value.param}: ")


EDITS = RequestEdits(model="up-1")


def test_the_patch_takes_out_the_routing_and_nothing_else() -> None:
    spoken = b'{ "contents" : [ ],\n "models":["a"], "x":1.50, "generation_config":{"topP":1.0} }\n'
    assert patch_request(spoken, EDITS) == spoken.replace(b',\n "models":["a"]', b"")
    unsteered = b'{ "contents" : "\\u00e9" , "x":[ 1.0 ]}'
    assert patch_request(unsteered, EDITS) == unsteered


@pytest.mark.parametrize(
    ("spoken", "param"), [(b"[]", None), (b'{"x":1,"x":2}', None), (b'{"providerOptions":5}', "providerOptions")]
)
def test_a_patch_of_what_is_no_request_is_refused(spoken: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        patch_request(spoken, EDITS)
    assert caught.value.param == param


def test_a_system_that_speaks_alone_is_said_by_the_user() -> None:
    told = encoded(messages=(message("system", "S"), message("developer", "D")))
    assert json.loads(told.body) == {"contents": [{"role": "user", "parts": [{"text": "S"}, {"text": "D"}]}]}
    assert lost(told) == [("messages[1]", "mapped"), ("messages[0]", "mapped")]


def test_a_conversation_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="messages: nothing is left"):
        encoded(messages=(message("assistant", Reasoning(text="Hm")),))


def test_the_name_of_a_form_is_lost() -> None:
    told = encoded(response_format=ResponseFormat(kind="json_schema", name="n", schema=SCHEMA))
    assert lost(told) == [("response_format.name", "dropped")]


def test_a_turn_that_says_nothing_is_left_out_of_a_conversation_from_elsewhere() -> None:
    told = encoded(messages=(message("user", "Hi"), message("assistant"), message("user", "Ho")))
    assert [content["role"] for content in json.loads(told.body)["contents"]] == ["user", "user"]
    own = encoded(protocol="gemini", messages=(message("user", "Hi"), message("assistant")))
    assert json.loads(own.body)["contents"][1] == {"role": "model", "parts": []}


def test_what_cannot_be_said_is_named_where_it_stands() -> None:
    result = ToolResult(call_id="c", parts=())
    with pytest.raises(InvalidRequest, match="found a result of a call 'c' that was not made before it"):
        encoded(messages=(message("user", "Hi"), message("tool", result)))
