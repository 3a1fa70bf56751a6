"""Own our HTTP/1.1 client: the pool of connections and the one free retry.

Why our own: a call costs about a third of aiohttp's CPU, and a chunk is passed on the moment it arrives.
Source: RFC 9110 section 9.2.2: a request on a kept connection that dies at once, before any byte came, was not
processed, so it is sent once more on a fresh one. One that dies later may have been: it is an error like any other.
Proxies are not spoken to: `proxied` does, where one is configured.
Invariant: no redirects, no cookies, certificates always verified, no header that holds a line break.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from gearshift.errors import UpstreamTimeout, UpstreamUnreachable
from gearshift.execution.connection import READ_BYTES, Connection, Http1Reply, Stale
from gearshift.execution.upstream import STALE_SECONDS, unheard
from gearshift.types.catalog import Seconds

MAX_IDLE_SECONDS: Final[Seconds] = 60.0
MAX_IDLE_CONNECTIONS: Final = 256
"""Idle connections that are kept to one host; a busy one is never waited for."""
_LOST: Final = "the connection was lost before an answer"
_PORTS: Final = {"http": 80, "https": 443}


class _Target(NamedTuple):
    """Hold where a URL leads, and the constant first lines of a request to it."""

    secure: bool
    host: str
    port: int
    opening: bytes


class Http1Upstream:
    """Make calls over pooled connections."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Prepare; `tls` is the default context of the `ssl` module unless given."""
        self._tls = tls
        self._targets: dict[str, _Target] = {}
        self._idle: dict[tuple[bool, str, int], deque[Connection]] = {}
        self._room = bytearray(READ_BYTES)

    async def post(
        self,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        connect_timeout: Seconds,
        written: Callable[[], None] = unheard,
    ) -> Http1Reply:
        """Send `body` and wait for the head; raise UpstreamUnreachable, or UpstreamTimeout in phase `connect`."""
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = _target(url)
        request = _request(target, headers, body)
        kept = self._take(target)
        if kept is not None:
            began = asyncio.get_running_loop().time()
            try:
                return await kept.exchange(request, written)
            except Stale:
                if asyncio.get_running_loop().time() - began > STALE_SECONDS:
                    raise UpstreamUnreachable(_LOST, sent=True) from None
        fresh = await self._connect(target, connect_timeout)
        try:
            return await fresh.exchange(request, written)
        except Stale:
            raise UpstreamUnreachable(_LOST, sent=True) from None

    async def close(self) -> None:
        """Close every idle connection."""
        for pool in self._idle.values():
            for connection in pool:
                connection.abort()
            pool.clear()

    def _take(self, target: _Target) -> Connection | None:
        """Take the kept connection that was used last, dropping those that are closed or too old."""
        pool = self._idle.get(target[:3])
        if pool is None:
            return None
        _reap(pool, asyncio.get_running_loop().time())
        while pool:
            connection = pool.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, target: _Target, timeout: Seconds) -> Connection:  # noqa: ASYNC109 - named in the error
        loop = asyncio.get_running_loop()
        pool = self._idle.setdefault(target[:3], deque())
        for every in self._idle.values():  # a host that is called no more would keep its connections for ever
            _reap(every, loop.time())
        tls = self._context() if target.secure else None
        try:
            async with asyncio.timeout(timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._room, lambda idle: _keep(pool, idle)),
                    target.host,
                    target.port,
                    ssl=tls,
                )
        except TimeoutError as error:
            message = f"no connection within {timeout:g} s; check base_url and the network"
            raise UpstreamTimeout(message, phase="connect") from error
        except ssl.SSLError as error:
            message = f"no TLS connection ({error.reason or 'handshake failed'}); check base_url and its certificate"
            raise UpstreamUnreachable(message) from error
        except (OSError, UnicodeError) as error:
            message = f"no connection ({type(error).__name__}); check base_url and that the upstream is up"
            raise UpstreamUnreachable(message) from error
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _keep(pool: deque[Connection], connection: Connection) -> None:
    """Take a connection that has become idle into its pool, at the end of those that were used last."""
    pool.append(connection)
    _reap(pool, connection.idle_since)


def _reap(pool: deque[Connection], now: Seconds) -> None:
    """Close what was idle for too long and what is too much; the oldest stand in front."""
    while pool and (now - pool[0].idle_since >= MAX_IDLE_SECONDS or len(pool) > MAX_IDLE_CONNECTIONS):
        pool.popleft().abort()


def _target(url: str) -> _Target:
    """Take a URL apart; raise UpstreamUnreachable when it is not one that we can call."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = parts.hostname
    except (ValueError, KeyError):
        parts, host, port = urlsplit(""), None, 0
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UpstreamUnreachable("the provider's base_url is not a usable http(s) URL; correct it in the config")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = parts.netloc.rpartition("@")[2]
    opening = f"POST {path} HTTP/1.1\r\nhost: {place}\r\nuser-agent: gearshift\r\naccept-encoding: identity\r\n"
    return _Target(parts.scheme == "https", host, port, opening.encode())


def _request(target: _Target, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Write a whole request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise UpstreamUnreachable("a request header holds a line break; check the provider's key in the config")
    if body is None:
        return b"GET%b%b\r\n" % (target.opening.removeprefix(b"POST"), lines.encode("latin-1", "replace"))
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (target.opening, lines.encode("latin-1", "replace"), len(body), body)
