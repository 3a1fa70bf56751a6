"""Own a provider that speaks every protocol: the other half of each codec, behind a real server.

It is told what to answer as nouns, and remembers what it was asked as nouns and as bytes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from msgspec import Struct

from gearshift.errors import UpstreamRefused
from gearshift.protocols.codec import Codec, ResponseEdits
from gearshift.protocols.registry import CODECS
from gearshift.server.asgi import Receive, Scope, Send, read_body
from gearshift.types.chat import Request, Response
from gearshift.types.stream import Finished
from tests.contract.unfold import unfold

PREFIXES = {"openai_chat": "/chat", "openai_responses": "/responses", "anthropic_messages": "/messages"}


class Asked(Struct, frozen=True, kw_only=True):
    """Hold what was asked."""

    protocol: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request: Request


class Polyglot:
    """Answer every request with `response`, in its protocol; or refuse it with `status`, or with `raw` bytes.

    A stream says `size` characters at a time. Where `whole` is stated it breaks after so many events, once `breaks` is
    set: by an error in band, or, with `hangs_up`, by its mere end.
    """

    def __init__(self) -> None:
        self.response: Response | None = None
        self.status = 200
        self.raw: bytes | None = None
        self.size = 3
        self.whole: int | None = None
        self.hangs_up = False
        self.breaks = asyncio.Event()
        self.asked: list[Asked] = []

    @property
    def last(self) -> Asked:
        """Give what was asked last."""
        return self.asked[-1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        codec = _codec(path)
        body = await read_body(scope, receive, 1 << 24)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = codec.decode_request(body, path)
        self.asked.append(Asked(protocol=codec.name, path=path, headers=headers, body=body, request=request))
        if self.status != 200:
            error = UpstreamRefused("the provider says no", upstream_status=self.status)
            error.status = self.status
            await _reply(send, self.status, codec.encode_error(error))
        elif self.raw is not None:
            await _reply(send, 200, self.raw)
        elif request.stream:
            await self._stream(send, codec)
        else:
            assert self.response is not None
            await _reply(send, 200, codec.encode_response(self.response).body)

    async def _stream(self, send: Send, codec: Codec) -> None:
        assert self.response is not None
        await send(_head(200, b"text/event-stream"))
        encoder = codec.stream_encoder(send_usage=True)
        *events, finished = unfold(self.response, self.size)
        assert isinstance(finished, Finished)
        for event in events[: self.whole]:
            if data := encoder.feed(event):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        last = encoder.end(finished, ResponseEdits(model=self.response.model))
        if self.whole is not None:
            await self.breaks.wait()
            broken = UpstreamRefused("the provider is overloaded", upstream_status=529)
            last = b"" if self.hangs_up else codec.encode_stream_error(broken)
        await send({"type": "http.response.body", "body": last, "more_body": False})


def _codec(path: str) -> Codec:
    for name, prefix in PREFIXES.items():
        if path.startswith(prefix):
            return CODECS[name]
    return CODECS["gemini"]


def _head(status: int, kind: bytes) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}


async def _reply(send: Send, status: int, body: bytes) -> None:
    await send(_head(status, b"application/json"))
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def listening(app: object) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port; give its URL."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as door:  # who comes before the server does waits here
        # asyncio forgets it for a socket that it did not make: each answer would wait 40 ms for the caller's ACK.
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(server.serve(sockets=[door]))
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await task
