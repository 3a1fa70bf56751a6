"""Own LangChain's chat models: OpenAI's (chat completions, Responses), Anthropic's and Google's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import StructuredTool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

Told = dict[str, Any]


class Person(BaseModel):
    """A person."""

    name: str
    born: int


def model_of(kind: str, job: Told) -> Callable[[str], BaseChatModel]:
    """Give what makes a chat model of a name, as its docs say."""
    url, key = job["url"], job["key"]
    match kind:
        case "anthropic":
            return lambda name: ChatAnthropic(model=name, base_url=url, api_key=key, max_retries=0, max_tokens=200)
        case "google":
            return lambda name: ChatGoogleGenerativeAI(
                model=name, base_url=url, api_key=key, max_retries=1, max_tokens=200
            )
        case _:
            return lambda name: ChatOpenAI(
                model=name,
                base_url=f"{url}/v1",
                api_key=key,
                max_retries=0,
                max_tokens=200,
                stream_usage=True,
                use_responses_api=kind == "responses",
            )


class Chain:
    """Play each scene with a chat model."""

    def __init__(self, kind: str, job: Told) -> None:
        self._model = model_of(kind, job)
        self._job = job

        def weather(city: str) -> str:
            """Tell the weather of a city."""
            self._calls.append(["weather", {"city": city}])
            return str(job["weather"])

        self._weather = StructuredTool.from_function(weather)
        self._calls: list[Any] = []

    async def chat(self, prompt: str, name: str) -> Told:
        """Ask."""
        return told(await self._model(name).ainvoke(prompt))

    async def stream(self, prompt: str, name: str) -> Told:
        """Ask, and take the answer as it comes."""
        whole, pieces = await self._streamed(self._model(name), [HumanMessage(prompt)])
        return {**told(whole), "pieces": pieces}

    async def tools(self, prompt: str, name: str, *, streamed: bool = False) -> Told:
        """Ask with a tool, and tell its results, until there is an answer."""
        model = self._model(name).bind_tools([self._weather])
        self._calls = []
        said: list[BaseMessage] = [HumanMessage(prompt)]
        while True:
            answer = (await self._streamed(model, said))[0] if streamed else await model.ainvoke(said)
            if not answer.tool_calls:
                return {**told(answer), "calls": self._calls}
            said += [answer, *[await self._weather.ainvoke(call) for call in answer.tool_calls]]

    async def tools_streamed(self, prompt: str, name: str) -> Told:
        """Do the same with streams."""
        return await self.tools(prompt, name, streamed=True)

    async def object(self, prompt: str, name: str) -> Told:
        """Ask for an answer of a schema."""
        model = self._model(name).with_structured_output(Person, method="json_schema")
        return dict((await model.ainvoke(prompt)).model_dump())

    async def image(self, prompt: str, name: str) -> Told:
        """Ask about a picture."""
        picture = {"type": "image", "base64": self._job["image"], "mime_type": "image/png"}
        return told(await self._model(name).ainvoke([HumanMessage([{"type": "text", "text": prompt}, picture])]))

    async def _streamed(self, model: Any, said: list[BaseMessage]) -> tuple[AIMessage, int]:
        whole, pieces = None, 0
        async for chunk in model.astream(said):
            whole = chunk if whole is None else whole + chunk
            pieces += bool(chunk.text)
        return whole, pieces


def told(answer: AIMessage) -> Told:
    """Give what an answer said."""
    usage, about = answer.usage_metadata, answer.response_metadata
    reason = about.get("finish_reason") or about.get("stop_reason")
    reason = reason or (about.get("incomplete_details") or {}).get("reason") or about.get("status")
    return {"text": answer.text, "finish": reason, "tokens": usage and [usage["input_tokens"], usage["output_tokens"]]}


client = Chain
