"""Own calls through a proxy, which our own client does not speak to: aiohttp behind `execution.upstream.Upstream`.

A request on a kept connection that was closed meanwhile is sent again, as `http1` does: each time the dead connection
is gone from the pool, so that at last a fresh one is tried, whose death is an error.
Invariant: errors of the library never cross this module, nor do their texts (they may hold URLs with keys).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Final, TypedDict

import aiohttp
from yarl import URL

from gearshift.errors import StreamBroken, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from gearshift.execution.upstream import LINGER, OK, STALE_SECONDS, Reply, unheard
from gearshift.types.catalog import Seconds

MAX_CONNECTIONS: Final = 4096
_CHUNK: Final = 64 * 1024
_LARGE: Final = 1024 * 1024
"""Beyond it aiohttp wants a file, written piece by piece, and warns of bytes."""


class _Options(TypedDict):
    headers: Mapping[str, str]
    timeout: aiohttp.ClientTimeout
    allow_redirects: bool


class AiohttpUpstream:
    """Make calls through one pooled aiohttp session."""

    def __init__(self, max_connections: int = MAX_CONNECTIONS, *, trust_env: bool = False) -> None:
        """Prepare; the session itself is made at the first call, inside the running loop.

        `trust_env`: call through the proxies that the environment names (`https_proxy`, `no_proxy`).
        """
        self._max_connections = max_connections
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        connect_timeout: Seconds,
        written: Callable[[], None] = unheard,
    ) -> Reply:
        """Send `body` and wait for the head."""
        session = self._session or self._open()
        loop, method = asyncio.get_running_loop(), "GET" if body is None else "POST"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        options: _Options = {"headers": headers, "timeout": timeout, "allow_redirects": False}
        try:
            while True:
                trip, began, place = _Trip(written), loop.time(), URL(url, encoded=True)  # as it was signed
                data = body if body is None or len(body) <= _LARGE else io.BytesIO(body)
                try:
                    return _AiohttpReply(
                        await session.request(method, place, data=data, trace_request_ctx=trip, **options)
                    )
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    if not trip.kept or loop.time() - began > STALE_SECONDS:
                        raise
        except aiohttp.ConnectionTimeoutError as error:
            message = f"no connection within {connect_timeout:g} s; check base_url and the network"
            raise UpstreamTimeout(message, phase="connect") from error
        except aiohttp.ClientConnectorError as error:  # before ValueError: a bad certificate is one of both
            message = f"no connection ({type(error).__name__}); check base_url and that the upstream is up"
            raise UpstreamUnreachable(message) from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
            message = "the provider's base_url is not a usable URL; correct it in the config"
            raise UpstreamUnreachable(message) from error
        except aiohttp.ClientResponseError as error:  # the head was not HTTP
            message = "the upstream's answer is not valid HTTP; check that base_url points at an API"
            raise UpstreamInvalid(message) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"the connection was lost before an answer ({type(error).__name__})"
            raise UpstreamUnreachable(message, sent=True) from error

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._max_connections, limit_per_host=0, ttl_dns_cache=60)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"accept-encoding": "identity", "user-agent": "gearshift"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trust_env,
            read_bufsize=_CHUNK,
            trace_configs=[_tracing()],
        )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _AiohttpReply:
    """Wrap one aiohttp response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.received = 0
        self.status = response.status
        self.content_type = response.content_type
        told = {} if response.status == OK else response.headers
        self.head: Mapping[str, str] = {name.lower(): value for name, value in told.items()}

    async def read(self, limit: int) -> bytes:
        length = self._response.content_length
        if length is not None and length > limit:
            raise UpstreamInvalid(_too_long(limit), upstream_status=self.status)
        parts = []
        while chunk := await self.chunk():
            self.received += len(chunk)
            if self.received > limit:
                raise UpstreamInvalid(_too_long(limit), upstream_status=self.status)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunk(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            message = f"the upstream's answer was cut off ({type(error).__name__})"
            raise StreamBroken(message, upstream_status=self.status) from error

    def close(self) -> None:
        self._response.close()  # no more than a note where the body has ended: aiohttp then let go already

    def release(self) -> None:
        if not self._response.content.is_eof():
            asyncio.get_running_loop().call_later(LINGER, self._response.close)


class _Trip:
    """Follow one sending of a request: `kept` when it went over a connection that had served another."""

    def __init__(self, written: Callable[[], None]) -> None:
        self.written = written
        self.kept = False


def _tracing() -> aiohttp.TraceConfig:
    """Tell each trip how it goes."""

    async def reused(_session: object, context: SimpleNamespace, _facts: object) -> None:
        context.trace_request_ctx.kept = True

    async def sent(_session: object, context: SimpleNamespace, _facts: object) -> None:
        context.trace_request_ctx.written()

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    trace.on_request_headers_sent.append(sent)
    return trace


def _too_long(limit: int) -> str:
    return f"the upstream's answer is longer than {limit} bytes"
