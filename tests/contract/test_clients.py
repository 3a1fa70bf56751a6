"""Drive the gateway with the official clients of all protocols, before a provider of each: 16 pairs, over real sockets.

Every event that we send parses in the clients' own types, for they raise where one does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google
from msgspec import Struct

from gearshift.types.catalog import Provider
from gearshift.types.chat import Choice, Media, Part, Reasoning, Response, Text, ToolCall, Usage
from tests.fakes.house import house
from tests.fakes.nouns import deployment, provider
from tests.fakes.polyglot import Polyglot, listening

PROTOCOLS: Final = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
"""google-genai's own affair (3.6)."""
pairs = pytest.mark.parametrize(("caller", "upstream"), tuple(product(PROTOCOLS, PROTOCOLS)))
callers = pytest.mark.parametrize("caller", PROTOCOLS)
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
USAGE: Final = Usage(input_tokens=20, output_tokens=9, cache_read_tokens=4)


class Heard(Struct, kw_only=True):
    """Hold what a client made of an answer."""

    text: str = ""
    calls: list[tuple[str, dict[str, object]]] = []
    reason: str | None = None
    model: str | None = None
    tokens: tuple[int, int] | None = None


class Site(Struct, frozen=True):
    """Hold a running gateway and the provider behind it."""

    url: str
    fake: Polyglot


@asynccontextmanager
async def site(folder: Path, upstream: str) -> AsyncIterator[Site]:
    """Serve one model, `small`, of a provider that speaks `upstream`."""
    fake = Polyglot()
    async with listening(fake) as base:
        at: Provider = provider("lab", base, protocol=upstream)
        async with house(folder, deployment("small", at)) as home, listening(home.app) as url:
            yield Site(url, fake)


def answer(*parts: Part, reason: str = "stop", model: str = "small-1") -> Response:
    """Give what the provider shall answer."""
    choice = Choice(index=0, parts=parts, finish_reason=reason)  # type: ignore[arg-type]
    return Response(id="r1", model=model, created=7, choices=(choice,), usage=USAGE)


Ask: TypeAlias = Callable[[Site, str, bool, bool], Awaitable[Heard]]


async def ask_openai_chat(at: Site, prompt: str, stream: bool, tools: bool) -> Heard:
    client = openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0)
    extra = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]} if tools else {}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}]
    asked: dict[str, Any] = {"model": "small", "messages": messages, "max_tokens": 50, **extra}
    heard = Heard()
    async with client:
        if not stream:
            told = await client.chat.completions.create(**asked)
            message = told.choices[0].message
            heard.text = message.content or ""
            heard.calls = [(c.function.name, _json(c.function.arguments)) for c in message.tool_calls or ()]
            heard.reason, heard.model = told.choices[0].finish_reason, told.model
            heard.tokens = (told.usage.prompt_tokens, told.usage.completion_tokens)
            return heard
        names: dict[int, str] = {}
        arguments: dict[int, str] = {}
        async for chunk in await client.chat.completions.create(**asked, stream=True):
            heard.model = chunk.model
            if chunk.usage is not None:
                heard.tokens = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in chunk.choices:
                heard.text += choice.delta.content or ""
                heard.reason = choice.finish_reason or heard.reason
                for call in choice.delta.tool_calls or ():
                    names[call.index] = names.get(call.index) or call.function.name
                    arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
        heard.calls = [(names[index], _json(arguments[index])) for index in sorted(names)]
    return heard


async def ask_openai_responses(at: Site, prompt: str, stream: bool, tools: bool) -> Heard:
    client = openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0)
    extra = {"tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]} if tools else {}
    asked: dict[str, Any] = {
        "model": "small",
        "input": prompt,
        "instructions": "Be brief.",
        "max_output_tokens": 50,
        **extra,
    }
    async with client:
        if stream:
            async with client.responses.stream(**asked) as events:
                text = "".join([e.delta async for e in events if e.type == "response.output_text.delta"])
                told = await events.get_final_response()
        else:
            told = await client.responses.create(**asked)
            text = told.output_text
    calls = [item for item in told.output if item.type == "function_call"]
    reason = "tool_calls" if calls else {"completed": "stop", "incomplete": "length"}[told.status or ""]
    assert told.usage is not None
    return Heard(
        text=text,
        calls=[(call.name, _json(call.arguments)) for call in calls],
        reason=reason,
        model=told.model,
        tokens=(told.usage.input_tokens, told.usage.output_tokens),
    )


async def ask_anthropic_messages(at: Site, prompt: str, stream: bool, tools: bool) -> Heard:
    client = anthropic.AsyncAnthropic(base_url=at.url, api_key="any", max_retries=0)
    extra = {"tools": [{"name": "weather", "input_schema": SCHEMA}]} if tools else {}
    messages = [{"role": "user", "content": prompt}]
    asked: dict[str, Any] = {"model": "small", "system": "Be brief.", "messages": messages, "max_tokens": 50, **extra}
    async with client:
        if stream:
            async with client.messages.stream(**asked) as events:
                told = await events.get_final_message()
        else:
            told = await client.messages.create(**asked)
    usage = told.usage
    read = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return Heard(
        text="".join(block.text for block in told.content if block.type == "text"),
        calls=[(block.name, dict(block.input)) for block in told.content if block.type == "tool_use"],
        reason={"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}[told.stop_reason or ""],
        model=told.model,
        tokens=(usage.input_tokens + read, usage.output_tokens),
    )


async def ask_gemini(at: Site, prompt: str, stream: bool, tools: bool) -> Heard:
    client = genai.Client(api_key="any", http_options=google.HttpOptions(base_url=at.url))
    declared = [google.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)]
    config = google.GenerateContentConfig(
        system_instruction="Be brief.",
        max_output_tokens=50,
        tools=[google.Tool(function_declarations=declared)] if tools else None,
        automatic_function_calling=google.AutomaticFunctionCallingConfig(disable=True),
    )
    heard = Heard()
    if stream:
        pieces = [
            piece
            async for piece in await client.aio.models.generate_content_stream(
                model="small", contents=prompt, config=config
            )
        ]
    else:
        pieces = [await client.aio.models.generate_content(model="small", contents=prompt, config=config)]
    for piece in pieces:
        heard.model = piece.model_version
        if piece.usage_metadata is not None and piece.usage_metadata.prompt_token_count is not None:
            meta = piece.usage_metadata
            heard.tokens = (meta.prompt_token_count or 0, meta.candidates_token_count or 0)
        for candidate in piece.candidates or ():
            parts = (candidate.content.parts if candidate.content else None) or ()
            heard.text += "".join(part.text or "" for part in parts if not part.thought)
            called = [part.function_call for part in parts if part.function_call is not None]
            heard.calls += [(call.name or "", call.args or {}) for call in called]
            if candidate.finish_reason is not None:
                heard.reason = {"STOP": "stop", "MAX_TOKENS": "length"}[candidate.finish_reason.value]
    await client.aio.aclose()
    if heard.calls and heard.reason == "stop":
        heard.reason = "tool_calls"
    return heard


ASK: Final[dict[str, Ask]] = {
    "openai_chat": ask_openai_chat,
    "openai_responses": ask_openai_responses,
    "anthropic_messages": ask_anthropic_messages,
    "gemini": ask_gemini,
}


def _json(text: str) -> dict[str, object]:
    said: dict[str, object] = json.loads(text)
    return said


@pairs
def test_a_client_is_answered_whatever_the_provider_speaks(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            at.fake.response = answer(Text(text="Zürich: 21 °C ☀"))
            for stream in (False, True):
                heard = await ASK[caller](at, "Wie warm ist es in Zürich? 🌡", stream, False)
                assert (heard.text, heard.reason, heard.model) == ("Zürich: 21 °C ☀", "stop", "small")
                assert heard.tokens == (USAGE.input_tokens, USAGE.output_tokens)
                asked = at.fake.last
                assert asked.protocol == upstream
                first, second = asked.request.messages
                assert (first.role, first.parts) == ("system", (Text(text="Be brief."),))
                assert (second.role, second.parts) == ("user", (Text(text="Wie warm ist es in Zürich? 🌡"),))
                assert asked.request.sampling.max_output_tokens == 50

    asyncio.run(scene())


@pairs
def test_tools_are_declared_and_called_in_parallel(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            calls = [
                ToolCall(id=f"call_{number}", name="weather", arguments=f'{{"city": "{city}"}}')
                for number, city in enumerate(("Köln", "Lima"))
            ]
            at.fake.response = answer(Text(text="Let me see."), *calls, reason="tool_calls")
            for stream in (False, True):
                heard = await ASK[caller](at, "Weather?", stream, True)
                assert heard.text == "Let me see."
                assert heard.calls == [("weather", {"city": "Köln"}), ("weather", {"city": "Lima"})]
                assert heard.reason == "tool_calls"
                (tool,) = at.fake.last.request.tools
                assert (tool.name, _json(bytes(tool.parameters or b"").decode())) == ("weather", SCHEMA)

    asyncio.run(scene())


@pairs
def test_an_answer_cut_at_its_limit_says_so(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            at.fake.response = answer(Text(text="Once upon"), reason="length")
            assert (await ASK[caller](at, "A story", False, False)).reason == "length"

    asyncio.run(scene())


@pairs
def test_thinking_is_told_apart_from_the_answer(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            signature = None if upstream == "openai_chat" else "c2ln"
            thought = Reasoning(text="Hm. 2 + 2.", signature=signature, origin=upstream)
            at.fake.response = answer(thought, Text(text="4"))
            for stream in (False, True):
                assert (await ASK[caller](at, "2 + 2?", stream, False)).text == "4"

    asyncio.run(scene())


@pairs
def test_a_provider_s_refusal_is_told_in_the_callers_words(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            for status, expected in ((400, 400), (429, 429), (500, 502), (401, 502)):
                at.fake.status = status
                with pytest.raises((openai.APIStatusError, anthropic.APIStatusError, google_errors.APIError)) as caught:
                    await ASK[caller](at, "Hi", False, False)
                error = caught.value
                seen = error.code if isinstance(error, google_errors.APIError) else getattr(error, "status_code", None)
                assert seen == expected
                assert ("the provider says no" in str(error)) == (status != 401)

    asyncio.run(scene())


@callers
def test_an_unknown_model_is_a_404_of_the_clients_own(tmp_path: Path, caller: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat") as at:
            bad = Site(at.url, at.fake)
            with pytest.raises((openai.NotFoundError, anthropic.NotFoundError, google_errors.ClientError)) as caught:
                await _ask_for("smal", caller, bad)
            assert "did you mean" in str(caught.value)

    asyncio.run(scene())


async def _ask_for(model: str, caller: str, at: Site) -> None:
    match caller:
        case "openai_chat":
            async with openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0) as client:
                await client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
        case "openai_responses":
            async with openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0) as client:
                await client.responses.create(model=model, input="Hi")
        case "anthropic_messages":
            async with anthropic.AsyncAnthropic(base_url=at.url, api_key="any", max_retries=0) as other:
                await other.messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": "Hi"}])
        case _:
            google_client = genai.Client(api_key="any", http_options=google.HttpOptions(base_url=at.url))
            await google_client.aio.models.generate_content(model=model, contents="Hi")


IMAGE: Final = Media(kind="image", data="aGk=", media_type="image/png")


@pytest.mark.parametrize("upstream", ["openai_responses", "gemini"])
def test_an_image_reaches_the_clients_that_can_be_shown_one(tmp_path: Path, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            at.fake.response = answer(Text(text="See:"), IMAGE)
            async with openai.AsyncOpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0) as client:
                told = await client.responses.create(model="small", input="Draw")
                stream = await client.responses.create(model="small", input="Draw", stream=True)
                *_, last = [event async for event in stream]
            assert last.type == "response.completed"
            for response in (told, last.response):
                assert response.output_text == "See:"
                (image,) = [item for item in response.output if item.type == "image_generation_call"]
                assert (image.result, image.status) == ("aGk=", "completed")
            google_client = genai.Client(api_key="any", http_options=google.HttpOptions(base_url=at.url))
            shown = await google_client.aio.models.generate_content(model="small", contents="Draw")
            pieces = await google_client.aio.models.generate_content_stream(model="small", contents="Draw")
            for each in ([shown], [piece async for piece in pieces]):
                parts = [part for one in each for part in one.parts or ()]
                assert [part.inline_data.data for part in parts if part.inline_data] == [b"hi"]
            await google_client.aio.aclose()
            heard = await ask_openai_chat(at, "Draw", stream=True, tools=False)
            assert (heard.text, heard.reason) == ("See:", "stop")

    asyncio.run(scene())


@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_gemini_s_stream_is_an_array_unless_events_are_asked_for(tmp_path: Path, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at, aiohttp.ClientSession() as client:
            at.fake.response = answer(Text(text="Zürich: 21 °C"))
            url = f"{at.url}/v1beta/models/small:streamGenerateContent"
            asked = {"contents": [{"parts": [{"text": "Hi"}]}]}
            async with client.post(url, json=asked) as told:
                pieces = await told.json(content_type="application/json")
            parts = [part for piece in pieces for part in piece["candidates"][0]["content"]["parts"]]
            assert "".join(part["text"] for part in parts) == "Zürich: 21 °C"
            assert pieces[-1]["usageMetadata"]["promptTokenCount"] == USAGE.input_tokens
            assert at.fake.last.request.stream
            at.fake.status = 400
            async with client.post(url, json=asked) as refused:
                assert (refused.status, (await refused.json())[0]["error"]["code"]) == (400, 400)

    asyncio.run(scene())
