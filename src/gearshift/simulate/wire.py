"""Own the OpenAI chat-completions shapes of the simulated upstream: body to prompt, pieces to JSON, error to JSON.

It is a server's half only, and smaller than the gateway's codec on purpose: the demo must not share that codec's
mistakes. Source: https://platform.openai.com/docs/api-reference/chat (read 2026-11).
Invariant: a field that would change the answer and is not supported is refused by name, never ignored.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import CallerError, GearshiftError, InvalidRequest
from gearshift.simulate.answer import AnswerRefused, Card, End, Prompt, Turn
from gearshift.types.chat import Usage

DONE: Final = b"data: [DONE]\n\n"


class _Part(Struct):
    type: str
    text: str = ""


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Format(Struct):
    type: str = "text"


class _Body(Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: list[Raw] | None = None
    response_format: _Format | None = None


class Ask(Struct, frozen=True, kw_only=True):
    """Hold one decoded request."""

    model: str
    prompt: Prompt
    stream: bool
    include_usage: bool


_DECODER: Final = msgspec.json.Decoder(_Body)


def decode(body: bytes) -> Ask:
    """Read a chat-completions body. Raise `InvalidRequest` naming the field at fault."""
    try:
        raw = _DECODER.decode(body)
    except msgspec.DecodeError as error:  # malformed JSON and wrong types alike
        message = (
            f"The body is not a chat-completions request: {error}. Send a JSON object with `model` and `messages`."
        )
        raise InvalidRequest(message) from error
    _refuse_unsupported(raw)
    limit = raw.max_tokens if raw.max_completion_tokens is None else raw.max_completion_tokens
    return Ask(
        model=raw.model,
        prompt=Prompt(
            turns=tuple(Turn(role=message.role, text=_text(message)) for message in raw.messages),
            max_tokens=limit,
            temperature=raw.temperature,
            stop=(raw.stop,) if isinstance(raw.stop, str) else tuple(raw.stop or ()),
        ),
        stream=bool(raw.stream),
        include_usage=bool(raw.stream_options and raw.stream_options.include_usage),
    )


def _refuse_unsupported(raw: _Body) -> None:
    limits = (raw.max_tokens, raw.max_completion_tokens)
    faults = {
        "messages": not raw.messages and "`messages` is empty; send at least one message.",
        "n": raw.n not in {None, 1} and f"`n` is {raw.n}; these models give one answer, send 1.",
        "tools": bool(raw.tools) and "These models call no tools; leave `tools` out.",
        "response_format": raw.response_format is not None
        and raw.response_format.type != "text"
        and f"`response_format` is {raw.response_format.type}; these models give plain text only.",
        "max_tokens": any(limit is not None and limit < 1 for limit in limits)
        and "`max_tokens` is below 1; send a positive number.",
    }
    for param, fault in faults.items():
        if fault:
            raise InvalidRequest(fault, param=param)


def _text(message: _Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    other = next((part.type for part in message.content if part.type != "text"), None)
    if other is not None:
        raise InvalidRequest(f"A content part has type {other[:40]}; these models read text only.", param="messages")
    return "".join(part.text for part in message.content)


class Envelope(Struct, frozen=True, kw_only=True):
    """Hold what every object of one answer repeats. `created` is whole seconds since the epoch."""

    id: str
    model: str
    created: int

    def completion(self, text: str, end: End) -> bytes:
        """Encode a whole answer."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.finish_reason}
        return self._encode("chat.completion", [choice], {"usage": _usage(end.usage)})

    def delta(self, delta: dict[str, str], *, include_usage: bool, finish_reason: str | None = None) -> bytes:
        """Encode one stream event; with `include_usage` it carries a null usage, as OpenAI sends it."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._event([choice], {"usage": None} if include_usage else {})

    def usage(self, end: End) -> bytes:
        """Encode the last stream event before `[DONE]`: no choices, only the usage."""
        return self._event([], {"usage": _usage(end.usage)})

    def _event(self, choices: list[dict[str, Any]], extra: dict[str, Any]) -> bytes:
        return b"data: " + self._encode("chat.completion.chunk", choices, extra) + b"\n\n"

    def _encode(self, kind: str, choices: list[dict[str, Any]], extra: dict[str, Any]) -> bytes:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}
        return msgspec.json.encode(head | extra)


def _usage(usage: Usage) -> dict[str, int | bool]:
    """Spell the counts as OpenAI does; `estimated` is ours and is sent only when true."""
    counts: dict[str, int | bool] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    return counts | {"estimated": True} if usage.estimated else counts


def encode_error(error: GearshiftError) -> bytes:
    """Encode an error in OpenAI's shape."""
    kind = "invalid_request_error" if isinstance(error, CallerError) or error.status == 404 else "server_error"  # noqa: PLR2004
    param = error.param if isinstance(error, CallerError) else None
    return msgspec.json.encode({"error": {"message": error.message, "type": kind, "param": param, "code": error.code}})


def encode_models(models: list[tuple[Card, str]]) -> bytes:
    """Encode the list of models with their state; the fields beyond OpenAI's describe the demo."""
    rows = [
        {"id": card.id, "object": "model", "created": 0, "owned_by": card.owned_by, "state": state}
        | {"description": card.description, "simulated": card.simulated, "context_window": card.context_window}
        for card, state in models
    ]
    return msgspec.json.encode({"object": "list", "data": rows})


def retry_after(error: GearshiftError) -> float | None:
    """Give the seconds after which the same request may work, or None."""
    return error.retry_after if isinstance(error, AnswerRefused) else None
