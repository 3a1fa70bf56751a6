from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.gemini.request import decode_request
from gearshift.types.chat import (
    Message,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

PATH = "/v1beta/models/gemini-3-pro:generateContent"
HI = Message(role="user", parts=(Text(text="Hi"),))


def decoded(path: str = PATH, /, **fields: object) -> Request:
    return decode_request(json.dumps({"contents": "Hi"} | fields, separators=(",", ":")).encode(), path)


def function(**fields: object) -> list[object]:
    return [{"functionDeclarations": [{"name": "f", **fields}]}]


def test_a_plain_request() -> None:
    assert decoded() == Request(protocol="gemini", model="gemini-3-pro", messages=(HI,))


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        (PATH, "gemini-3-pro", False),
        ("/models/google/gemini:streamGenerateContent?alt=sse", "google/gemini", True),
        ("/v1/models/small:free:generateContent?key=a:b", "small:free", False),
    ],
)
def test_the_path_says_the_model_and_whether_to_stream(path: str, model: str, stream: bool) -> None:
    told = decoded(path)
    assert (told.model, told.stream) == (model, stream)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("", "path"),
        ("/models/m", "path"),
        ("/models/:generateContent", "path"),
        (f"/models/{'m' * 300}:generateContent", "model"),
    ],
)
def test_a_path_without_a_model_is_refused(path: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(path)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "contents",
    [
        "Hi",
        {"parts": [{"text": "Hi"}]},
        [{"role": "user", "parts": [{"text": "Hi"}]}],
        [{"parts": [{"text": "Hi"}], "role": None}],
    ],
)
def test_contents_have_several_forms(contents: object) -> None:
    assert decoded(contents=contents).messages == (HI,)


def test_a_conversation_with_calls_that_have_no_ids() -> None:
    told = decoded(
        contents=[
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g", "id": "c"}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "g", "id": "c", "response": {"output": "b"}}},
                    {"text": "so"},
                    {"function_response": {"name": "f", "response": {"error": "a"}}},
                    {"text": "on"},
                ],
            },
            {"role": "function", "parts": [{"functionResponse": {"name": "h"}}]},
        ]
    )
    results = [
        ToolResult(call_id="c", parts=(Text(text="b"),), name="g"),
        ToolResult(call_id="gemini-call-0", parts=(Text(text="a"),), name="f", is_error=True),
        ToolResult(call_id="gemini-call-none-h", parts=(Text(text="{}"),), name="h"),
    ]
    assert told.messages == (
        HI,
        Message(
            role="assistant",
            parts=(
                ToolCall(id="gemini-call-0", name="f", arguments="{}"),
                ToolCall(id="c", name="g", arguments="{}"),
            ),
        ),
        Message(role="tool", parts=(results[0],)),
        Message(role="user", parts=(Text(text="so"),)),
        Message(role="tool", parts=(results[1],)),
        Message(role="user", parts=(Text(text="on"),)),
        Message(role="tool", parts=(results[2],)),
    )


def test_a_content_without_parts_is_an_empty_message() -> None:
    told = decoded(contents=[{"role": "user", "parts": [], "x": 1}, {"role": "model"}])
    assert told.messages == (
        Message(role="user", parts=(), extra={"x": Raw(b"1")}),
        Message(role="assistant", parts=()),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"systemInstruction": "Be"},
        {"systemInstruction": {"role": "user", "parts": [{"text": "Be"}]}},
        {"system_instruction": {"parts": [{"text": "Be"}]}},
    ],
)
def test_the_system_instruction_has_several_forms(fields: dict[str, object]) -> None:
    assert decoded(**fields).messages == (Message(role="system", parts=(Text(text="Be"),)), HI)


@pytest.mark.parametrize("spoken", [None, {}, {"parts": []}])
def test_an_empty_system_instruction_is_none(spoken: object) -> None:
    assert decoded(systemInstruction=spoken).messages == (HI,)


@pytest.mark.parametrize(
    ("declared", "tool"),
    [
        ({}, Tool(name="f")),
        (
            {"description": "d", "behavior": "BLOCKING"},
            Tool(name="f", description="d", extra={"behavior": Raw(b'"BLOCKING"')}),
        ),
        ({"parameters": {"type": "OBJECT"}}, Tool(name="f", parameters=Raw(b'{"type":"object"}'))),
        ({"parametersJsonSchema": {"type": "object"}}, Tool(name="f", parameters=Raw(b'{"type":"object"}'))),
        ({"parameters_json_schema": {"type": "OBJECT"}}, Tool(name="f", parameters=Raw(b'{"type":"OBJECT"}'))),
        ({"parameters": None, "parametersJsonSchema": {}}, Tool(name="f", parameters=Raw(b"{}"))),
    ],
)
def test_a_declared_function_is_a_tool(declared: dict[str, object], tool: Tool) -> None:
    assert decoded(tools=function(**declared)).tools == (tool,)


def test_other_tools_are_kept_raw() -> None:
    told = decoded(tools=[{"google_search": {}, "function_declarations": [{"name": "f"}]}, {"codeExecution": {"a": 1}}])
    assert told.tools == (
        Tool(name="f"),
        Tool(name="google_search", extra={"type": Raw(b'"google_search"'), "google_search": Raw(b"{}")}),
        Tool(name="codeExecution", extra={"type": Raw(b'"codeExecution"'), "codeExecution": Raw(b'{"a":1}')}),
    )
    assert decoded(tools=None).tools == ()


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice(mode="auto")),
        ({"mode": "any"}, ToolChoice(mode="required")),
        ({"mode": "NONE"}, ToolChoice(mode="none")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(mode="named", name="f")),
        ({"mode": "ANY", "allowed_function_names": ["f"]}, ToolChoice(mode="named", name="f")),
        ({"mode": "ANY", "allowedFunctionNames": []}, ToolChoice(mode="required")),
        ({}, None),
    ],
)
def test_the_choice_of_a_tool(config: object, choice: ToolChoice | None) -> None:
    for outer, inner in (("toolConfig", "functionCallingConfig"), ("tool_config", "function_calling_config")):
        told = decoded(**{outer: {inner: config}})
        assert (told.tool_choice, told.extra) == (choice, {})


@pytest.mark.parametrize(
    "config",
    [
        {"mode": "VALIDATED"},
        {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
        {"mode": "AUTO", "allowedFunctionNames": ["f"]},
        {"mode": "ANY", "streamFunctionCallArguments": True},
    ],
)
def test_a_choice_without_a_noun_is_kept_raw(config: object) -> None:
    spoken = {"functionCallingConfig": config}
    told = decoded(toolConfig=spoken)
    assert told.tool_choice is None
    assert json.loads(bytes(told.extra["toolConfig"])) == spoken


KNOBS = {
    "temperature": 0.5,
    "topP": 0.25,
    "topK": 4,
    "maxOutputTokens": 5,
    "candidateCount": 2,
    "seed": 7,
    "presencePenalty": 0.125,
    "frequencyPenalty": -0.5,
    "responseLogprobs": True,
    "logprobs": 3,
    "stopSequences": ["a", "b"],
}
SNAKES = {
    "top_p": 0.25,
    "top_k": 4,
    "max_output_tokens": 5,
    "candidate_count": 2,
    "presence_penalty": 0.125,
    "frequency_penalty": -0.5,
    "response_logprobs": True,
    "stop_sequences": ["a", "b"],
}
SAMPLING = Sampling(
    temperature=0.5,
    top_p=0.25,
    top_k=4,
    max_output_tokens=5,
    n=2,
    seed=7,
    presence_penalty=0.125,
    frequency_penalty=-0.5,
    logprobs=True,
    top_logprobs=3,
    stop=("a", "b"),
)


@pytest.mark.parametrize(
    "fields",
    [
        {"generationConfig": KNOBS},
        {"generation_config": SNAKES | {name: KNOBS[name] for name in ("temperature", "seed", "logprobs")}},
    ],
)
def test_the_knobs_in_both_spellings(fields: dict[str, object]) -> None:
    told = decoded(**fields)
    assert (told.sampling, told.extra) == (SAMPLING, {})


@pytest.mark.parametrize(
    ("thinking", "sampling"),
    [
        ({"thinkingBudget": 0}, Sampling(reasoning_budget=0)),
        ({"thinking_budget": -1}, Sampling(reasoning_budget=-1)),
        ({"thinkingLevel": "HIGH"}, Sampling(reasoning_effort="high")),
        ({"thinking_level": "low"}, Sampling(reasoning_effort="low")),
        ({"includeThoughts": True}, Sampling(reasoning_shown="auto")),
        ({"include_thoughts": False}, Sampling(reasoning_shown="omitted")),
        ({}, Sampling()),
    ],
)
def test_how_much_to_think(thinking: object, sampling: Sampling) -> None:
    for name in ("thinkingConfig", "thinking_config"):
        assert decoded(generationConfig={name: thinking}).sampling == sampling


@pytest.mark.parametrize(
    ("config", "form", "rest"),
    [
        ({"responseMimeType": "application/json"}, ResponseFormat(kind="json_object"), None),
        (
            {"response_mime_type": "application/json", "response_schema": {"type": "STRING"}},
            ResponseFormat(kind="json_schema", schema=Raw(b'{"type":"string"}')),
            None,
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
            ResponseFormat(kind="json_schema", schema=Raw(b'{"type":"object"}')),
            None,
        ),
        ({"responseMimeType": "text/x.enum"}, None, b'{"responseMimeType":"text/x.enum"}'),
        ({"responseSchema": {"type": "STRING"}}, None, b'{"responseSchema":{"type":"STRING"}}'),
        ({}, None, None),
    ],
)
def test_the_form_of_the_answer(config: object, form: ResponseFormat | None, rest: bytes | None) -> None:
    told = decoded(generationConfig=config)
    assert told.response_format == form
    assert told.extra == ({} if rest is None else {"generationConfig": Raw(rest)})


def test_what_has_no_noun_is_kept_raw() -> None:
    config = {"seed": 7, "mediaResolution": "LOW", "thinkingConfig": {"thinkingBudget": 1, "x": 2}}
    told = decoded(generationConfig=config, safety_settings=[], cachedContent="c", labels={"a": "b"})
    assert told.extra == {
        "generationConfig": Raw(b'{"mediaResolution":"LOW","thinkingConfig":{"x":2}}'),
        "safetySettings": Raw(b"[]"),
        "cachedContent": Raw(b'"c"'),
        "labels": Raw(b'{"a":"b"}'),
    }


def test_the_routing_is_taken_out() -> None:
    told = decoded(models=["a", "b"], session_id="s")
    assert (told.routing.models, told.routing.session_id, told.extra) == (("a", "b"), "s", {})


CONFIG = "generationConfig"
FAULTS: list[tuple[dict[str, object], str]] = [
    ({"generationConfig": {"topK": 1, "top_k": 1}}, "generationConfig.topK"),
    (
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinking_budget": 1}}},
        "generationConfig.thinkingConfig.thinkingBudget",
    ),
    (
        {"toolConfig": {"functionCallingConfig": {}, "function_calling_config": {}}},
        "toolConfig.functionCallingConfig",
    ),
    ({"contents": 5}, "contents"),
    ({"contents": None}, "contents"),
    ({"contents": []}, "contents"),
    ({"contents": [5]}, "contents[0]"),
    ({"contents": ["Hi"]}, "contents[0]"),
    ({"contents": [{"role": 5}]}, "contents[0].role"),
    ({"contents": [{"role": "assistant"}]}, "contents[0].role"),
    ({"contents": [{}, {"parts": [{"text": 5}]}]}, "contents[1].parts[0].text"),
    ({"systemInstruction": 5}, "systemInstruction"),
    ({"systemInstruction": []}, "systemInstruction"),
    ({"systemInstruction": {"parts": [{"text": 5}]}}, "systemInstruction.parts[0].text"),
    ({"tools": {}}, "tools"),
    ({"tools": [5]}, "tools[0]"),
    ({"tools": [{"functionDeclarations": {}}]}, "tools[0].functionDeclarations"),
    ({"tools": [{}, {"functionDeclarations": [{}]}]}, "tools[1].functionDeclarations[0].name"),
    ({"tools": function(description=5)}, "tools[0].functionDeclarations[0].description"),
    ({"tools": function(parameters="a")}, "tools[0].functionDeclarations[0].parameters"),
    ({"tools": function(parametersJsonSchema=[])}, "tools[0].functionDeclarations[0].parametersJsonSchema"),
    ({"toolConfig": 5}, "toolConfig"),
    ({"toolConfig": {"functionCallingConfig": 5}}, "toolConfig.functionCallingConfig"),
    ({"toolConfig": {"functionCallingConfig": {"mode": 5}}}, "toolConfig.functionCallingConfig.mode"),
    (
        {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": "f"}}},
        "toolConfig.functionCallingConfig.allowedFunctionNames",
    ),
    ({CONFIG: 5}, CONFIG),
    ({CONFIG: {"maxOutputTokens": 0}}, f"{CONFIG}.maxOutputTokens"),
    ({CONFIG: {"seed": 1.5}}, f"{CONFIG}.seed"),
    ({CONFIG: {"responseMimeType": 5}}, f"{CONFIG}.responseMimeType"),
    ({CONFIG: {"responseMimeType": "application/json", "responseSchema": 5}}, f"{CONFIG}.responseSchema"),
    ({CONFIG: {"responseMimeType": "application/json", "responseJsonSchema": 5}}, f"{CONFIG}.responseJsonSchema"),
    ({CONFIG: {"thinkingConfig": 5}}, f"{CONFIG}.thinkingConfig"),
    ({CONFIG: {"thinkingConfig": {"thinkingBudget": "a"}}}, f"{CONFIG}.thinkingConfig.thinkingBudget"),
    ({CONFIG: {"thinkingConfig": {"thinkingBudget": -2}}}, f"{CONFIG}.thinkingConfig.thinkingBudget"),
    ({CONFIG: {"thinkingConfig": {"thinkingLevel": 5}}}, f"{CONFIG}.thinkingConfig.thinkingLevel"),
    ({CONFIG: {"thinkingConfig": {"includeThoughts": 5}}}, f"{CONFIG}.thinkingConfig.includeThoughts"),
    ({"tools": [], "models": 5}, "models"),
    ({"systemInstruction": "a", "system_instruction": "b"}, "systemInstruction"),
]


@pytest.mark.parametrize("name", KNOBS)
def test_a_wrong_knob_is_named(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(generationConfig={name: "a"})
    assert caught.value.param == f"generationConfig.{name}"


@pytest.mark.parametrize(("fields", "param"), FAULTS)
def test_a_wrong_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**fields)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ")


@pytest.mark.parametrize(
    ("spoken", "message"),
    [
        (b"", "found an empty body"),
        (b"[]", "found JSON that is not an object"),
        (b'{"contents":', "not valid JSON"),
        (b'{"contents":"a","contents":"b"}', "is there twice"),
        (b"{}", "contents: missing, expected a list of contents"),
    ],
)
def test_what_is_no_request_is_refused(spoken: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(spoken, PATH)
    assert message in caught.value.message


def test_results_may_stand_in_a_content_of_a_role_of_their_own() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "id": "c"}}]}
    for role in ("user", "function", "tool"):
        result = {"role": role, "parts": [{"functionResponse": {"name": "f", "id": "c", "response": {"output": "x"}}}]}
        assert [each.role for each in decoded(contents=[call, result]).messages] == ["assistant", "tool"]


def test_a_level_of_thinking_that_says_nothing_is_none() -> None:
    config = {"thinkingConfig": {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}}
    assert decoded(generationConfig=config).sampling == Sampling()
