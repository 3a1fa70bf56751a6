"""Hold every documented field and block of a request to Anthropic's Messages API to the laws, in every direction.

Source: the types of the official client (`anthropic.types`), which are made from the API's own description.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Codec, RequestEdits
from gearshift.protocols.crossing import cross_request
from gearshift.protocols.registry import CODECS

JSON = dict[str, Any]
NAME: Final = "anthropic_messages"
OWN: Final = CODECS[NAME]
OTHERS: Final = tuple(codec for name, codec in CODECS.items() if name != NAME)
EDITS: Final = RequestEdits(model="up")
EPHEMERAL: Final = {"type": "ephemeral", "ttl": "1h"}
SCHEMA: Final = {"type": "object"}
PDF: Final = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}

to_others = pytest.mark.parametrize("codec", OTHERS, ids=lambda codec: codec.name)


def request(**fields: object) -> JSON:
    return {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "Hi"}]} | fields


def asked(*content: object) -> JSON:
    return request(messages=[{"role": "user", "content": list(content)}])


def answered(*content: object) -> JSON:
    before, after = {"role": "user", "content": "Hi"}, {"role": "user", "content": "Go on"}
    return request(messages=[before, {"role": "assistant", "content": list(content)}, after])


def server(kind: str, **fields: object) -> JSON:
    return request(tools=[{"type": kind, **fields}])


CACHED: Final = {"type": "text", "text": "Hi", "cache_control": EPHEMERAL}
FIELDS: Final[dict[str, JSON]] = {
    "cache_control": request(cache_control=EPHEMERAL),
    "container": request(container="c"),
    "container with skills": request(container={"id": "c", "skills": [{"type": "anthropic", "skill_id": "pdf"}]}),
    "context_management": request(context_management={"edits": [{"type": "clear_tool_uses_20250919"}]}),
    "diagnostics": request(diagnostics={"previous_message_id": None}),
    "inference_geo": request(inference_geo="us"),
    "max_tokens of 0": request(max_tokens=0),
    "mcp_servers": request(mcp_servers=[{"type": "url", "url": "https://a", "name": "a"}]),
    "metadata": request(metadata={"user_id": "ann"}),
    "output_config": request(output_config={"effort": "max", "format": {"type": "json_schema", "schema": SCHEMA}}),
    "output_config, a form to come": request(output_config={"format": {"type": "grammar", "grammar": "x"}}),
    "output_config.task_budget": request(output_config={"task_budget": {"type": "tokens", "total": 9}}),
    "service_tier": request(service_tier="standard_only"),
    "speed": request(speed="fast"),
    "stop_sequences": request(stop_sequences=["END"]),
    "system": request(system=[CACHED]),
    "temperature": request(temperature=0.5),
    "top_k": request(top_k=4),
    "top_p": request(top_p=0.5),
    "user_profile_id": request(user_profile_id="p"),
    "a field to come": request(weather="fine"),
    "thinking, enabled": request(thinking={"type": "enabled", "budget_tokens": 2048, "display": "omitted"}),
    "thinking, adaptive": request(thinking={"type": "adaptive", "display": "summarized"}),
    "thinking, between_tools": request(thinking={"type": "between_tools"}),
    "thinking, disabled": request(thinking={"type": "disabled"}),
    "thinking, a display to come": request(thinking={"type": "adaptive", "display": "sung"}),
    "tool_choice, auto": request(tools=[{"name": "f", "input_schema": SCHEMA}], tool_choice={"type": "auto"}),
    "tool_choice, tool": request(
        tools=[{"name": "f", "input_schema": SCHEMA}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    ),
    "tool_choice, a choice to come": request(tool_choice={"type": "most"}),
    "a tool": request(
        tools=[
            {
                "type": "custom",
                "name": "f",
                "description": "d",
                "input_schema": SCHEMA,
                "strict": True,
                "cache_control": EPHEMERAL,
                "defer_loading": True,
                "eager_input_streaming": True,
                "input_examples": [{}],
                "allowed_callers": ["direct"],
            }
        ]
    ),
    "web search": server("web_search_20260318", name="web_search", max_uses=3, user_location=None),
    "a toolset, which has no name": server("browser_toolset_20260801", configs={}),
    "an MCP toolset": server("mcp_toolset", mcp_server_name="a"),
    "a tool to come": server("crystal_ball_20270101", name="ball"),
    "image, base64": asked({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
    "image, url": asked({"type": "image", "source": {"type": "url", "url": "https://a"}, "cache_control": EPHEMERAL}),
    "image, file": asked({"type": "image", "source": {"type": "file", "file_id": "f"}}),
    "document, base64": asked({"type": "document", "source": PDF, "title": "T", "context": "C"}),
    "document, url": asked({"type": "document", "source": {"type": "url", "url": "https://a"}}),
    "document, text": asked({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}),
    "document, content": asked({"type": "document", "source": {"type": "content", "content": "x"}}),
    "document, file": asked({"type": "document", "source": {"type": "file", "file_id": "f"}}),
    "document, cited": asked({"type": "document", "source": PDF, "citations": {"enabled": True}}),
    "search_result": asked({"type": "search_result", "source": "https://a", "title": "A", "content": []}),
    "container_upload": asked({"type": "container_upload", "file_id": "f"}),
    "a block to come": asked({"type": "smell", "smell": "rose"}),
    "a system turn": request(messages=[{"role": "user", "content": "Hi"}, {"role": "system", "content": "S"}]),
    "a turn of nothing": request(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": []}]),
    "a text that cites": answered(
        {
            "type": "text",
            "text": "Ho",
            "citations": [
                {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "x"},
                {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None},
                {"type": "page_location", "cited_text": "x", "document_index": 0, "start_page_number": 1},
            ],
        }
    ),
    "thinking block": answered({"type": "thinking", "thinking": "Hm", "signature": "s"}, CACHED),
    "redacted_thinking": answered({"type": "redacted_thinking", "data": "d"}, CACHED),
    "server_tool_use": answered({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
    "web_search_tool_result": answered({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
    "mcp_tool_use": answered({"type": "mcp_tool_use", "id": "s", "name": "a", "server_name": "b", "input": {}}),
    "compaction": answered({"type": "compaction", "content": "x"}),
    "tool_use by a caller": request(
        messages=[
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "text", "text": "ok"}],
                        "is_error": False,
                        "cache_control": EPHEMERAL,
                        "toolset_name": "x",
                    }
                ],
            },
        ]
    ),
}
fields = pytest.mark.parametrize("spoken", FIELDS.values(), ids=FIELDS)


@fields
def test_a_field_goes_through_untouched_to_its_own_protocol(spoken: JSON) -> None:
    body = json.dumps(spoken).encode()
    OWN.decode_request(body)
    assert OWN.patch_request(body, RequestEdits(model="m")) == body


@fields
def test_a_field_survives_when_the_request_must_be_said_anew(spoken: JSON) -> None:
    """So it is where a conversation holds thinking that was signed elsewhere."""
    said = OWN.encode_request(OWN.decode_request(json.dumps(spoken).encode()), EDITS)
    again = json.loads(said.body)
    if not said.losses:
        assert plain(again) == plain(spoken | {"model": "up"})


def plain(value: object) -> object:
    """Give JSON as it is meant: a lone text is a string, nothing is not said, and a tool is custom."""
    if isinstance(value, dict):
        told = {name: plain(each) for name, each in value.items() if each is not None}
        if told.get("content") == [{"type": "text", "text": "ok"}]:
            told["content"] = "ok"
        return told if told.get("type") != "custom" else {name: told[name] for name in told if name != "type"}
    return [plain(each) for each in value] if isinstance(value, list) else value


MEANT: Final = {
    "container",
    "container with skills",
    "context_management",
    "inference_geo",
    "max_tokens of 0",
    "mcp_servers",
    "output_config, a form to come",
    "tool_choice, a choice to come",
    "web search",
    "a toolset, which has no name",
    "an MCP toolset",
    "a tool to come",
    "image, file",
    "document, content",
    "document, file",
    "search_result",
    "container_upload",
    "a block to come",
    "server_tool_use",
    "web_search_tool_result",
    "mcp_tool_use",
    "compaction",
}
"""What another protocol cannot say, and without which a request means something else."""
HINTS: Final = {
    "diagnostics",
    "output_config.task_budget",
    "speed",
    "user_profile_id",
    "a field to come",
    "thinking, between_tools",
    "thinking, a display to come",
    "document, cited",
    "a text that cites",
    "redacted_thinking",
}
"""What another protocol cannot say, and the answer is an answer still."""


@to_others
@pytest.mark.parametrize("name", sorted(MEANT))
def test_what_a_request_hangs_on_is_refused_and_named(name: str, codec: Codec) -> None:
    with pytest.raises(InvalidRequest, match=f": {codec.name} has no words for it"):
        cross_request(OWN.decode_request(json.dumps(FIELDS[name]).encode()), codec, EDITS)


@to_others
@pytest.mark.parametrize("name", sorted(HINTS))
def test_a_hint_that_cannot_be_said_is_recorded(name: str, codec: Codec) -> None:
    said = cross_request(OWN.decode_request(json.dumps(FIELDS[name]).encode()), codec, EDITS)
    assert said.losses


@to_others
@fields
def test_no_field_crosses_under_a_name_of_anthropics(spoken: JSON, codec: Codec) -> None:
    try:
        said = cross_request(OWN.decode_request(json.dumps(spoken).encode()), codec, EDITS)
    except InvalidRequest:
        return
    assert isinstance(json.loads(said.body), dict)
    for word in (b"budget_tokens", b"char_location", b"encrypted_index", b"cache_control", b"task_budget"):
        assert word not in said.body
