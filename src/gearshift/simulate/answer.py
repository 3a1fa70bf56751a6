"""Own what a simulated model is: the prompt that it gets, the pieces that it gives, and the card that describes it.

An answer is a stream of texts and, last, one `End`. Invariant: token counts are honest. A model that has no tokenizer
of its own counts one token per `BYTES_PER_TOKEN` bytes of UTF-8, and both counts and `max_tokens` use that same rule.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from gearshift.errors import GearshiftError
from gearshift.types.catalog import Rates, Seconds
from gearshift.types.chat import Usage

BYTES_PER_TOKEN: Final = 4

_WORD: Final = re.compile(r"\s*\S+\s*")


class Turn(Struct, frozen=True, kw_only=True):
    """Hold one message as plain text."""

    role: str
    text: str


class Prompt(Struct, frozen=True, kw_only=True):
    """Hold what a model is asked. `max_tokens` and `temperature` are None when the caller did not say."""

    turns: tuple[Turn, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """Give the last user message, or the empty text."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")


class End(Struct, frozen=True, kw_only=True):
    """Close an answer: why it stopped and what it used."""

    finish_reason: Literal["stop", "length"]
    usage: Usage


Piece: TypeAlias = str | End


class Card(Struct, frozen=True, kw_only=True):
    """Describe a model to its callers.

    `simulated`: no model computes the answers. `rates` are made-up demo prices, None where there are none.
    `context_window` is tokens, None: not bounded by the model.
    """

    id: str
    owned_by: str
    description: str
    simulated: bool
    rates: Rates | None = None
    context_window: int | None = None


class AnswerRefused(GearshiftError):
    """Refuse one prompt before its first piece. `retry_after` is whole seconds, None: trying again will not help."""

    def __init__(self, message: str, *, status: int, code: str, retry_after: int | None = None) -> None:
        """Keep the HTTP status and the stable code that the caller sees."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Answerer(Protocol):
    """Be one model of the upstream."""

    @property
    def card(self) -> Card:
        """Describe the model."""
        ...

    @property
    def state(self) -> str:
        """Say `ready`, `loading`, or `failed: ` and why."""
        ...

    def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Answer as it comes; closing the generator stops the work. Raise `AnswerRefused` before the first piece."""
        ...


class FunctionModel:
    """Answer with a pure function from the last user message to a whole text."""

    state: Final = "ready"

    def __init__(
        self, card: Card, reply: Callable[[str], str], *, first_token: Callable[[str], Seconds] | None = None
    ) -> None:
        """Wait `first_token(question)` seconds before the first piece, if given."""
        self.card = card
        self._reply = reply
        self._first_token = first_token

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Give the function's text word by word."""
        text = self._reply(prompt.question)
        if self._first_token is not None:
            await asyncio.sleep(self._first_token(prompt.question))
        text, finish_reason = cut(text, prompt)
        for word in _WORD.findall(text):
            yield word
        input_tokens = sum(count_tokens(turn.text) for turn in prompt.turns)
        usage = Usage(input_tokens=input_tokens, output_tokens=count_tokens(text))
        yield End(finish_reason=finish_reason, usage=usage)


def count_tokens(text: str) -> int:
    """Count tokens as one per `BYTES_PER_TOKEN` bytes of UTF-8, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def cut(text: str, prompt: Prompt) -> tuple[str, Literal["stop", "length"]]:
    """Cut a whole text at the prompt's first stop sequence and at its `max_tokens`."""
    found = [at for word in prompt.stop if word and (at := text.find(word)) >= 0]
    text = text[: min(found, default=len(text))]
    if prompt.max_tokens is None or count_tokens(text) <= prompt.max_tokens:
        return text, "stop"
    return text.encode()[: prompt.max_tokens * BYTES_PER_TOKEN].decode(errors="ignore"), "length"
