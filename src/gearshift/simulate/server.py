"""Own the simulated upstream: a bare ASGI app that serves simulated models in OpenAI's protocol.

    POST /v1/chat/completions     streamed or not      POST /v1/embeddings      GET /v1/models      GET /healthz

Invariant: a caller that goes away stops the generation; an error has OpenAI's shape; a stream that breaks ends in an
error event without `[DONE]`, never as a clean end.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import aclosing
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

import msgspec

from gearshift.errors import BodyTooLarge, GearshiftError, UnknownModel
from gearshift.simulate import embed, wire
from gearshift.simulate.answer import Answerer, AnswerRefused, End, Piece
from gearshift.simulate.wire import Ask, Envelope

MAX_BODY_BYTES: Final = 16 * 1024 * 1024

Event: TypeAlias = MutableMapping[str, Any]
"""An ASGI event or scope: raw by its specification (https://asgi.readthedocs.io, 3.0)."""
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]


class Upstream:
    """Serve models by name. One instance is one ASGI application."""

    def __init__(self, models: Iterable[Answerer]) -> None:
        """Keep the models in the order in which `/v1/models` lists them."""
        self._models = {model.card.id: model for model in models}

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answer one request, or stop answering once its caller is gone."""
        try:
            match (scope["method"], scope["path"]):
                case ("POST", "/v1/chat/completions"):
                    await self._chat(receive, send)
                case ("POST", "/v1/embeddings"):
                    await _send_json(send, 200, await asyncio.to_thread(embed.answer, await _read_body(receive)))
                case ("GET", "/v1/models"):
                    cards = [(model.card, model.state) for model in self._models.values()]
                    await _send_json(send, 200, wire.encode_models([*cards, (embed.CARD, "ready")]))
                case ("GET", "/healthz"):
                    states = {name: model.state for name, model in self._models.items()}
                    await _send_json(send, 200, msgspec.json.encode({"status": "ok", "models": states}))
                case (method, path):
                    message = f"There is no {method} {path[:80]} here; use POST /v1/chat/completions or GET /v1/models."
                    raise AnswerRefused(message, status=404, code="not_found")
        except GearshiftError as error:
            await _send_error(send, error)

    async def _chat(self, receive: Receive, send: Send) -> None:
        ask = wire.decode(await _read_body(receive))
        answering = asyncio.create_task(self._answer(ask, send))
        leaving = asyncio.create_task(_wait_until_gone(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.wait((answering, leaving))
        if not answering.cancelled():
            answering.result()

    async def _answer(self, ask: Ask, send: Send) -> None:
        model = self._models.get(ask.model)
        if model is None:
            close = get_close_matches(ask.model, self._models, n=3) or list(self._models)[:5]
            message = f"There is no model {ask.model[:80]!r} here; did you mean {', '.join(close)}?"
            raise UnknownModel(message, param="model")
        envelope = Envelope(id=f"chatcmpl-{uuid.uuid4().hex}", model=ask.model, created=int(time.time()))
        async with aclosing(model.answer(ask.prompt)) as pieces:
            if ask.stream:
                await _send_stream(send, _events(ask, envelope, pieces))
            else:
                await _send_json(send, 200, await _whole(envelope, pieces))


async def _whole(envelope: Envelope, pieces: AsyncGenerator[Piece, None]) -> bytes:
    *texts, end = [piece async for piece in pieces]
    assert isinstance(end, End)  # noqa: S101 - the contract of Answerer; a model that breaks it is a bug here
    return envelope.completion("".join(text for text in texts if isinstance(text, str)), end)


async def _events(ask: Ask, envelope: Envelope, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[bytes, None]:
    opening: dict[str, str] = {"role": "assistant"}
    async for piece in pieces:
        if opening:
            yield envelope.delta(opening | {"content": ""}, include_usage=ask.include_usage)
            opening = {}
        if isinstance(piece, str):
            yield envelope.delta({"content": piece}, include_usage=ask.include_usage)
            continue
        yield envelope.delta({}, include_usage=ask.include_usage, finish_reason=piece.finish_reason)
        if ask.include_usage:
            yield envelope.usage(piece)
        yield wire.DONE


async def _send_stream(send: Send, events: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(events):
        first = await anext(events)  # a refusal comes before the status line, so that it keeps its own status
        await _send_head(send, 200, b"text/event-stream; charset=utf-8", [(b"cache-control", b"no-cache")])
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except GearshiftError as error:
            event = b"data: " + wire.encode_error(error) + b"\n\n"
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes; send a shorter one.")
        if not event.get("more_body", False):
            return bytes(body)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_error(send: Send, error: GearshiftError) -> None:
    seconds = wire.retry_after(error)
    headers = [] if seconds is None else [(b"retry-after", str(seconds).encode())]
    await _send_json(send, error.status, wire.encode_error(error), headers)


async def _send_json(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    length = (b"content-length", str(len(body)).encode())
    await _send_head(send, status, b"application/json", [length, *headers])
    await send({"type": "http.response.body", "body": body})


async def _send_head(send: Send, status: int, content_type: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", content_type), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
