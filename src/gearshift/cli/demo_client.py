"""Own the demo's caller: ask the gateway prompts over HTTP, and grade what comes back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from typing import Final, Self

import aiohttp
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import Progress

from gearshift.errors import UpstreamInvalid
from gearshift.simulate.prompts import GradedPrompt, grade

CONCURRENCY: Final = 8
MAX_TOKENS: Final = 24
"""Enough for the graded answers; the local model needs about 0.25 s for so many."""
TEMPERATURE: Final = 0.0
LOADING: Final = "loading"
LOAD_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1
_ANSWERED: Final = 200


class Graded(Struct, frozen=True, kw_only=True):
    """Hold one graded answer: `asked` was asked for, `model` answered; `cost_usd` None is unknown."""

    prompt: GradedPrompt
    asked: str
    model: str
    score: float
    cost_usd: float | None
    input_tokens: int
    output_tokens: int


class _Usage(Struct):
    prompt_tokens: int
    completion_tokens: int
    cost: float | None


class _Message(Struct):
    content: str | None


class _Choice(Struct):
    message: _Message


class _Answer(Struct):
    model: str
    choices: list[_Choice]
    usage: _Usage


class _States(Struct):
    models: dict[str, str]


async def wait_until_loaded(base_url: str) -> None:
    """Wait until none of the demo providers at `base_url` is still loading; raise UpstreamInvalid when one never is."""
    async with aiohttp.ClientSession() as session:
        for _ in range(int(LOAD_SECONDS / _POLL_SECONDS)):
            async with session.get(f"{base_url.removesuffix('/v1')}/healthz") as response:
                states = msgspec.json.decode(await response.read(), type=_States).models
            if LOADING not in states.values():
                return
            await asyncio.sleep(_POLL_SECONDS)
    raise UpstreamInvalid(f"the demo's local model was not loaded within {LOAD_SECONDS} s; try --no-local-model")


class DemoClient:
    """Ask one gateway, a few prompts at a time."""

    def __init__(self, url: str) -> None:
        """Take the gateway's URL."""
        self._url = f"{url}/v1/chat/completions"
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def __aenter__(self) -> Self:
        """Open the session."""
        # A model may think for longer than the server keeps an idle connection: each call gets its own.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        await self._session.close()

    async def ask_all(self, prompts: Iterable[GradedPrompt], models: Sequence[str], what: str) -> list[Graded]:
        """Ask each model each prompt, showing progress as `what` on a terminal."""
        questions = [(prompt, model) for prompt in prompts for model in models]
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task(what, total=len(questions))

            async def ask(prompt: GradedPrompt, model: str) -> Graded:
                async with self._slots:
                    graded = await self._ask(prompt, model)
                progress.advance(bar)
                return graded

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(prompt, model)) for prompt, model in questions]
        return [task.result() for task in tasks]

    async def _ask(self, prompt: GradedPrompt, model: str) -> Graded:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt.prompt}],
            "max_tokens": MAX_TOKENS,
            "temperature": TEMPERATURE,
        }
        headers = {"content-type": "application/json"}
        async with self._session.post(self._url, data=msgspec.json.encode(body), headers=headers) as response:
            text = await response.read()
        if response.status != _ANSWERED:
            raise UpstreamInvalid(f"the gateway answered {response.status}: {text[:300].decode(errors='replace')}")
        answer = msgspec.json.decode(text, type=_Answer)
        said = answer.choices[0].message.content or ""
        return Graded(
            prompt=prompt,
            asked=model,
            model=answer.model,
            score=grade(prompt, said),
            cost_usd=answer.usage.cost,
            input_tokens=answer.usage.prompt_tokens,
            output_tokens=answer.usage.completion_tokens,
        )
