"""Make `docs/reference/translation.md`: what becomes of each field of a request on its way to another protocol.

    python -m tools.build_translation          # write the page
    python -m tools.build_translation --check  # say whether it is current

Nothing is typed: each field is put into a request, and the codecs are asked to carry it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import Codec, RequestEdits
from gearshift.protocols.crossing import cross_request
from gearshift.protocols.registry import CODECS

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "translation.md"
SOURCES: Final = Path(__file__).resolve().parents[1] / "src" / "gearshift" / "protocols"
Body: TypeAlias = dict[str, Any]

PNG: Final = "aGk="
SCHEMA: Final = {"type": "object", "properties": {}}
EPHEMERAL: Final = {"type": "ephemeral"}


def _chat(*content: object, **fields: object) -> Body:
    messages: list[object] = [{"role": "user", "content": list(content) or "Hi"}]
    return {"model": "m", "max_tokens": 99, "messages": messages} | fields


def _turns(*messages: object) -> Body:
    return _chat(messages=[{"role": "user", "content": "Hi"}, *messages])


_CALL: Final = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_FUNCTION: Final = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
_STRICT: Final = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}

CHAT: Final[dict[str, Body]] = {
    "text, `system`, `max_tokens`": _turns({"role": "assistant", "content": "Ho"}) | {},
    "`max_tokens` below 16": _chat(max_tokens=9),
    "`developer` message": _chat(messages=[{"role": "developer", "content": "S"}, {"role": "user", "content": "Hi"}]),
    "a system message later on": _turns({"role": "system", "content": "S"}, {"role": "user", "content": "Ho"}),
    "`name` of a message": _chat(messages=[{"role": "user", "content": "Hi", "name": "ann"}]),
    "image by URL": _chat({"type": "image_url", "image_url": {"url": "https://a/b.png"}}),
    "image as base64": _chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}),
    "`detail` of an image": _chat({"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}),
    "PDF": _chat({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}}),
    "`file_id`": _chat({"type": "file", "file": {"file_id": "f-1"}}),
    "sound": _chat({"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}),
    "`tools` (functions)": _chat(tools=[_FUNCTION]),
    "`strict` of a function": _chat(tools=[_STRICT]),
    "custom tools": _chat(tools=[{"type": "custom", "custom": {"name": "sh"}}]),
    "`tool_choice`: auto, none, required": _chat(tools=[_FUNCTION], tool_choice="required"),
    "`tool_choice`: one function": _chat(
        tools=[_FUNCTION], tool_choice={"type": "function", "function": {"name": "f"}}
    ),
    "`tool_choice`: allowed_tools": _chat(tools=[_FUNCTION], tool_choice={"type": "allowed_tools"}),
    "`parallel_tool_calls`": _chat(tools=[_FUNCTION], parallel_tool_calls=False),
    "tool calls and results": _turns(
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ),
    "`response_format`: json_schema": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    ),
    "`response_format`: json_object": _chat(response_format={"type": "json_object"}),
    "`temperature` up to 1, or `top_p`": _chat(temperature=0.5),
    "`temperature` and `top_p` at once": _chat(temperature=0.5, top_p=0.5),
    "`temperature`, `top_k` beside thinking": _chat(temperature=0.5, reasoning={"max_tokens": 2048}, max_tokens=4096),
    "`temperature` above 1": _chat(temperature=1.5),
    "`top_k`": _chat(top_k=4),
    "`stop`": _chat(stop=["END"]),
    "`seed`": _chat(seed=3),
    "`presence_penalty`, `frequency_penalty`": _chat(presence_penalty=0.5),
    "`n` above 1": _chat(n=2),
    "`logprobs`, `top_logprobs`": _chat(logprobs=True, top_logprobs=2),
    "`logit_bias`": _chat(logit_bias={"5": 1}),
    "`reasoning_effort`": _chat(reasoning_effort="high"),
    "`reasoning.max_tokens`": _chat(reasoning={"max_tokens": 2048}, max_tokens=4096),
    "`reasoning.max_tokens` below 1024, or not below `max_tokens`": _chat(
        reasoning={"max_tokens": 4096}, max_tokens=4096
    ),
    "`verbosity`": _chat(verbosity="low"),
    "`cache_control` of a part": _chat({"type": "text", "text": "Hi", "cache_control": EPHEMERAL}),
    "`user`": _chat(user="ann"),
    "`metadata`": _chat(metadata={"plan": "free"}),
    "`service_tier`": _chat(service_tier="flex"),
    "`prediction`, `modalities`, `audio`": _chat(prediction={"type": "content", "content": "x"}),
    "a field that nobody knows": _chat(odd=1),
}


def _responses(*items: object, **fields: object) -> Body:
    return {"model": "m", "input": list(items) or "Hi", "max_output_tokens": 99} | fields


def _item(*content: object) -> Body:
    return {"role": "user", "content": list(content)}


_SPACE: Final = {"type": "namespace", "name": "s", "description": "S", "tools": [{"type": "function", "name": "f"}]}
RESPONSES: Final[dict[str, Body]] = {
    "text, `instructions`, `max_output_tokens`": _responses(instructions="S"),
    "image by URL": _responses(_item({"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"})),
    "PDF": _responses(_item({"type": "input_file", "file_data": f"data:application/pdf;base64,{PNG}"})),
    "`file_id`": _responses(_item({"type": "input_file", "file_id": "f"})),
    "function tools": _responses(tools=[{"type": "function", "name": "f", "parameters": SCHEMA}]),
    "`namespace` of functions": _responses(tools=[_SPACE]),
    "hosted tools (`web_search`, `mcp`, ...)": _responses(tools=[{"type": "web_search"}]),
    "function calls and outputs": _responses(
        _item({"type": "input_text", "text": "Hi"}),
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
    ),
    "`image_generation_call` items": _responses(
        _item({"type": "input_text", "text": "Hi"}), {"type": "image_generation_call", "result": PNG}
    ),
    "other items": _responses(_item({"type": "input_text", "text": "Hi"}), {"type": "item_reference", "id": "i"}),
    "reasoning items": _responses(
        _item({"type": "input_text", "text": "Hi"}),
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"},
        {"role": "assistant", "content": "Ho"},
        _item({"type": "input_text", "text": "Go on"}),
    ),
    "`text.format`: json_schema": _responses(text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}),
    "`text.verbosity`": _responses(text={"verbosity": "low"}),
    "`reasoning.effort`": _responses(reasoning={"effort": "high"}),
    "`reasoning.summary`": _responses(reasoning={"summary": "auto"}),
    "`include`: logprobs": _responses(include=["message.output_text.logprobs"]),
    "`store`": _responses(store=True),
    "`previous_response_id`, `conversation`, `prompt`, `background`": _responses(previous_response_id="r"),
    "`truncation`": _responses(truncation="auto"),
    "`metadata`": _responses(metadata={"plan": "free"}),
}


def _messages(*content: object, **fields: object) -> Body:
    return {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": list(content) or "Hi"}]} | fields


_TURN: Final = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
]

_FAILED: Final = {"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}
_CITED: Final = {
    "type": "web_search_result_location",
    "url": "https://a",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "e",
}
ANTHROPIC: Final[dict[str, Body]] = {
    "text, `system`, `max_tokens`": _messages(system="S"),
    "`cache_control` of a block": _messages({"type": "text", "text": "Hi", "cache_control": EPHEMERAL}),
    "image as base64": _messages(
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    ),
    "document (PDF)": _messages(
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}}
    ),
    "document (text)": _messages(
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    ),
    "`citations` of a document": _messages(
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
            "citations": {"enabled": True},
        }
    ),
    "`citations` of an earlier answer": _messages(
        messages=[
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "Ho", "citations": [_CITED]}]},
            {"role": "user", "content": "Go on"},
        ]
    ),
    "`search_result` block": _messages({"type": "search_result", "source": "https://a", "title": "A", "content": []}),
    "`tools`": _messages(tools=[{"name": "f", "input_schema": SCHEMA}]),
    "server tools (`web_search`, ...)": _messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    "`tool_use`, `tool_result`": _messages(
        messages=[
            *_TURN,
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "ok"}]},
        ]
    ),
    "`is_error` of a result": _messages(
        messages=[
            *_TURN,
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}],
            },
        ]
    ),
    "`thinking` block, signed": _messages(
        messages=[
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}, {"type": "text", "text": "Ho"}],
            },
            {"role": "user", "content": "Go on"},
        ]
    ),
    "`thinking`: budget": _messages(max_tokens=4096, thinking={"type": "enabled", "budget_tokens": 2048}),
    "`thinking`: adaptive": _messages(thinking={"type": "adaptive"}),
    "`thinking`: between_tools": _messages(thinking={"type": "between_tools"}),
    "`output_config.effort`": _messages(output_config={"effort": "high"}),
    "`output_config.format`": _messages(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "`stop_sequences`": _messages(stop_sequences=["END"]),
    "`top_k`": _messages(top_k=4),
    "`metadata.user_id`": _messages(metadata={"user_id": "ann"}),
    "`service_tier`": _messages(service_tier="auto"),
    "`context_management`": _messages(context_management={"edits": [{"type": "clear_thinking_20251015"}]}),
    "`mcp_servers`, `container`": _messages(container="c"),
    "`inference_geo`": _messages(inference_geo="us"),
    "`max_tokens`: 0, which fills the cache": _messages(max_tokens=0),
    "`speed`, `diagnostics`, `user_profile_id`": _messages(speed="fast"),
}


def _gemini(*parts: object, **fields: object) -> Body:
    contents = [{"role": "user", "parts": list(parts) or [{"text": "Hi"}]}]
    return {"contents": contents, "generationConfig": {"maxOutputTokens": 99}} | fields


def _config(**fields: object) -> Body:
    return _gemini(generationConfig={"maxOutputTokens": 99} | fields)


GEMINI: Final[dict[str, Body]] = {
    "text, `systemInstruction`, `maxOutputTokens`": _gemini(systemInstruction={"parts": [{"text": "S"}]}),
    "`inlineData`: image": _gemini({"inlineData": {"mimeType": "image/png", "data": PNG}}),
    "`inlineData`: sound": _gemini({"inlineData": {"mimeType": "audio/wav", "data": PNG}}),
    "`fileData`": _gemini({"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.png"}}),
    "`functionDeclarations`": _gemini(tools=[{"functionDeclarations": [{"name": "f", "parameters": SCHEMA}]}]),
    "`googleSearch`, `codeExecution`, ...": _gemini(tools=[{"googleSearch": {}}]),
    "`toolConfig`: ANY": _gemini(
        tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig={"functionCallingConfig": {"mode": "ANY"}}
    ),
    "`toolConfig`: VALIDATED": _gemini(
        tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig={"functionCallingConfig": {"mode": "VALIDATED"}}
    ),
    "`functionCall`, `functionResponse`": _gemini(
        contents=[
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}]},
        ]
    ),
    "`responseJsonSchema`, `responseSchema`": _config(responseMimeType="application/json", responseSchema=SCHEMA),
    "`responseMimeType`: JSON": _config(responseMimeType="application/json"),
    "`thinkingConfig.thinkingBudget`": _config(thinkingConfig={"thinkingBudget": 2048}, maxOutputTokens=4096),
    "`thinkingConfig.thinkingLevel`": _config(thinkingConfig={"thinkingLevel": "HIGH"}),
    "`thinkingConfig.includeThoughts`": _config(thinkingConfig={"includeThoughts": True}),
    "`candidateCount` above 1": _config(candidateCount=2),
    "`stopSequences`": _config(stopSequences=["END"]),
    "`topK`": _config(topK=4),
    "`seed`": _config(seed=3),
    "`responseLogprobs`": _config(responseLogprobs=True),
    "`safetySettings`": _gemini(safetySettings=[]) | {"safetySettings": [{"category": "X", "threshold": "Y"}]},
    "`cachedContent`": _gemini(cachedContent="c"),
    "`responseModalities`: text": _config(responseModalities=["TEXT"]),
    "`responseModalities`, `speechConfig`": _config(responseModalities=["AUDIO"]),
}

PROBES: Final = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "gemini": GEMINI,
}
NAMES: Final = {"bedrock_converse": "eu.anthropic.claude-sonnet-5"}
"""What the upstream's model is called, where the name decides."""
PATH: Final = "/v1beta/models/m:generateContent"
HEAD: Final = """\
# From one protocol to another

Any client reaches any provider. Where both speak the same protocol the request is *patched*: every field goes through,
known or not, byte for byte. Where they do not, each field is one of four:

- **carried**: said in the other protocol, with the same meaning;
- **mapped**: said in another way that means about the same; recorded;
- **dropped**: the other protocol has no word for it and the answer is still an answer; recorded;
- **refused**: the request would mean something else without it. The next candidate is tried, and where none can be told
  it the caller gets a 400 `cannot_carry` that names the field.

What was mapped or dropped is in `attempts[].losses` of the metadata (`x-gearshift-metadata: enabled`) and of
`GET /v1/generation`; the header `x-gearshift-dropped` names what was dropped. This page is made by
`python -m tools.build_translation`, which asks the code. A provider's row may know more words than its protocol
(`extensions`: OpenRouter carries `cache_control`, `top_k`, signed thinking): here the plain protocol is shown. No
client speaks `bedrock_converse`; what it leaves to the family of models is shown for Claude.

Thinking that a provider signed comes back to that provider, whatever protocol the client speaks: the client is given
the signature in its own protocol's place for it and sends it back with the conversation.

A call of a tool that the token limit cut has half an object for its arguments. OpenAI's protocols say them as text, as
they came; Anthropic's and Gemini's say an object, which is then `{"INVALID_JSON": "..."}` with that text (streams of
Anthropic's say the text itself); it is recorded, and the answer stops for its length. Ids of calls that Anthropic
forbids are spelt out, each in its own way: `a.b` is `gearshift_a_2e_b`, for the call and for its result.

What is lost or refused is named by its place in the caller's body: `messages[2]`, `contents[1]`, `input[4]`, `system`.
*Refused* for an image or a file by URL means that the upstream takes bytes only: with
[`media: {fetch: true}`](configuration.md#media) the gateway fetches them for it.

An image in an answer (`inlineData` of Gemini, `image_generation_call` of Responses) reaches the callers of these two
protocols; the others are told the words, and the image is recorded as dropped (`image`).

## When a conversation moves

A conversation that goes on with another provider, or in another protocol, is handed over; each step is recorded:

- thinking that another provider signed is left out; once a conversation has moved, that of all turns before the current
  one, for nobody knows any more who signed it;
- in another protocol, a call without a result is told that none was recorded, and a result without its call (or a
  second one) is told as the user's text: providers refuse them otherwise. In the caller's own protocol the upstream
  judges;
- where the caller allows it (`truncation: auto` of Responses), the oldest turns are left out until the rest surely fits
  the model's window; instructions and the last turn stay, no turn is parted. So it is with turns in
  [the middle](asking.md#a-conversation-that-is-too-long), also in the caller's own protocol;
- it cannot move while it refers to what one provider keeps (`session_bound`, [decisions](decision.md)).
"""


def outcome(caller: Codec, upstream: Codec, body: Body) -> str:
    """Say what becomes of a request."""
    request = caller.decode_request(json.dumps(body).encode(), PATH)
    try:
        edits = RequestEdits(model=NAMES.get(upstream.name, "gemini-3-pro"), max_output_tokens=9)
        said = cross_request(request, upstream, edits)
    except InvalidRequest:
        return "refused"
    lost = [loss for loss in said.losses if loss.field != "max_tokens"]  # every Anthropic request has a limit
    if [loss.field.rpartition(".")[2] for loss in lost] == ["name"] and not lost[0].field.startswith("messages"):
        return "carried, but its name"  # of a form: it tells the model nothing
    kinds = {loss.kind for loss in lost}
    return "dropped" if "dropped" in kinds else "mapped" if "mapped" in kinds else "carried"


def page() -> str:
    """Give the text of the page."""
    return "\n".join([HEAD, *_tables(), *_lengths()]).rstrip() + "\n"


def _lengths() -> Iterator[str]:
    """Say how much code a protocol is."""
    yield "## What a protocol takes\n"
    yield "A protocol is one folder of `src/gearshift/protocols/` and one line of `registry.py`. Each has both halves,"
    yield "facing callers and facing upstreams, streamed and not. Lines are counted with docstrings, to the hundred.\n"
    yield "| protocol | files | lines |"
    yield "|---|---:|---:|"
    for name in CODECS:
        files = sorted((SOURCES / name).glob("*.py"))
        lines = sum(len(file.read_text("utf-8").splitlines()) for file in files)
        yield f"| `{name}` | {len(files)} | {round(lines, -2):,} |"
    yield ""


def _tables() -> Iterator[str]:
    for name, probes in PROBES.items():
        others = [codec for codec in CODECS.values() if codec.name != name]
        yield f"## A client that speaks `{name}`\n"
        yield f"| field | {' | '.join(f'to `{codec.name}`' for codec in others)} |"
        yield "|---" * (len(others) + 1) + "|"
        for field, body in probes.items():
            yield f"| {field} | {' | '.join(outcome(CODECS[name], codec, body) for codec in others)} |"
        yield ""


def main(arguments: list[str]) -> int:
    """Write the page, or check it; give the exit code."""
    text = page()
    if "--check" in arguments:
        current = PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.name}: {'current' if current else 'stale; run python -m tools.build_translation'}")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
