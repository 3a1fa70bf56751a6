from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.bedrock_converse.request import decode_request
from gearshift.types.chat import (
    CacheMark,
    Message,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)

PATH = "/model/anthropic.claude%3A0/converse"
HI = {"role": "user", "content": [{"text": "Hi"}]}


def heard(path: str = PATH, /, **body: object) -> Request:
    return decode_request(json.dumps({"messages": [HI], **body}, separators=(",", ":")).encode(), path)


def test_the_path_says_the_model_and_whether_to_stream() -> None:
    assert (heard().model, heard().stream) == ("anthropic.claude:0", False)
    assert heard("/model/arn:aws:x/y/converse-stream").model == "arn:aws:x/y"
    assert heard("/model/m/converse-stream").stream
    with pytest.raises(InvalidRequest, match="path that is none"):
        heard("/v1/messages")


def test_all_that_a_request_says_is_heard() -> None:
    point = {"cachePoint": {"type": "default"}}
    spec = {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}, "strict": True}
    schema = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}}}
    request = heard(
        system=[{"text": "S"}, point],
        messages=[
            HI,
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": []}}, {"text": "Go"}]},
        ],
        toolConfig={"tools": [{"toolSpec": spec}, point], "toolChoice": {"tool": {"name": "f"}}},
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.1, "stopSequences": ["END"]},
        outputConfig={"textFormat": schema, "effort": "low"},
        serviceTier={"type": "flex"},
        guardrailConfig={"guardrailIdentifier": "g"},
    )
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "user"]
    assert request.messages[0].parts == (Text(text="S", cache=CacheMark()),)
    assert request.messages[3] == Message(role="tool", parts=(ToolResult(call_id="c", parts=()),))
    assert request.sampling == Sampling(max_output_tokens=9, temperature=0.5, top_p=0.1, stop=("END",))
    assert request.tools == (
        Tool(name="f", description="d", parameters=Raw(b'{"type":"object"}'), strict=True, cache=CacheMark()),
    )
    assert request.tool_choice == ToolChoice(mode="named", name="f")
    assert request.response_format == ResponseFormat(kind="json_schema", name="n", schema=Raw(b'{"type":"object"}'))
    assert request.service_tier == "flex"
    assert set(request.extra) == {"guardrailConfig", "outputConfig"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages: found none"),
        ({"messages": [{"role": "tool", "content": []}]}, r"messages\[0\]\.role: found 'tool'"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, r"messages\[0\]\.content\[0\]\.text"),
        ({"system": [{"image": {"format": "png", "source": {"bytes": "x"}}}]}, r"system\[0\]: found a block"),
        ({"toolConfig": {}}, r"toolConfig\.tools: missing"),
        ({"toolConfig": {"tools": [{"cachePoint": {}}]}}, "in front of every tool"),
        ({"toolConfig": {"tools": [], "toolChoice": {"none": {}}}}, "found 'none'"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}}, "inputSchema: missing"),
        ({"inferenceConfig": {"maxTokens": "9"}}, r"inferenceConfig\.maxTokens: found a string"),
        ({"outputConfig": {"textFormat": {}}}, r"textFormat\.structure: missing"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        heard(PATH, **body)
