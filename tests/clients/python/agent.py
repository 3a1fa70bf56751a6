"""Own Pydantic AI's agents, with each model class that can be given another base URL."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

Told = dict[str, Any]


class Person(BaseModel):
    """A person."""

    name: str
    born: int


def model_of(kind: str, job: Told) -> Callable[[str], Model]:
    """Give what makes a model of a name, as its docs say."""
    url, key = job["url"], job["key"]
    match kind:
        case "anthropic":
            to_anthropic = AsyncAnthropic(base_url=url, api_key=key, max_retries=0)
            return lambda name: AnthropicModel(name, provider=AnthropicProvider(anthropic_client=to_anthropic))
        case "google":
            return lambda name: GoogleModel(name, provider=GoogleProvider(base_url=url, api_key=key))
        case _:
            to_openai = OpenAIProvider(openai_client=AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0))
            made = OpenAIResponsesModel if kind == "responses" else OpenAIChatModel
            return lambda name: made(name, provider=to_openai)


class Agents:
    """Play each scene with an agent."""

    def __init__(self, kind: str, job: Told) -> None:
        self._model = model_of(kind, job)
        self._kind = kind
        self._job = job

    def _agent(self, name: str, **options: Any) -> Agent[None, Any]:
        return Agent(self._model(name), model_settings={"max_tokens": 200}, **options)

    def _with_weather(self, name: str) -> tuple[Agent[None, Any], list[Any]]:
        calls: list[Any] = []

        def weather(city: str) -> str:
            """Tell the weather of a city."""
            calls.append(["weather", {"city": city}])
            return str(self._job["weather"])

        return self._agent(name, tools=[weather]), calls

    async def chat(self, prompt: str, name: str) -> Told:
        """Ask."""
        done = await self._agent(name).run(prompt)
        return told(done.output, done.all_messages()[-1])

    async def stream(self, prompt: str, name: str) -> Told:
        """Ask, and take the answer as it comes."""
        return await self._streamed(self._agent(name), prompt)

    async def tools(self, prompt: str, name: str) -> Told:
        """Ask with a tool, which the agent calls."""
        agent, calls = self._with_weather(name)
        done = await agent.run(prompt)
        return {**told(done.output, done.all_messages()[-1]), "calls": calls}

    async def tools_streamed(self, prompt: str, name: str) -> Told:
        """Do the same with streams."""
        agent, calls = self._with_weather(name)
        return {**await self._streamed(agent, prompt), "calls": calls}

    async def object(self, prompt: str, name: str) -> Told:
        """Ask for an answer of a schema by a tool, and by the API's own word where the client trusts it."""
        said = [(await self._agent(name, output_type=Person).run(prompt)).output]
        if self._kind != "anthropic":
            said.append((await self._agent(name, output_type=NativeOutput(Person)).run(prompt)).output)
        assert said[0] == said[-1]
        return dict(said[0].model_dump())

    async def image(self, prompt: str, name: str) -> Told:
        """Ask about a picture."""
        picture = BinaryContent(base64.b64decode(self._job["image"]), media_type="image/png")
        done = await self._agent(name).run([prompt, picture])
        return told(done.output, done.all_messages()[-1])

    async def _streamed(self, agent: Agent[None, Any], prompt: str) -> Told:
        async with agent.run_stream(prompt) as run:
            pieces = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
            return {**told("".join(pieces), run.all_messages()[-1]), "pieces": len(pieces)}


def told(text: str, answer: Any) -> Told:
    """Give what the last answer said."""
    assert isinstance(answer, ModelResponse)
    usage = answer.usage
    return {"text": text, "finish": answer.finish_reason, "tokens": [usage.input_tokens, usage.output_tokens]}


client = Agents
