"""Own fetching what a caller's URLs lead to, for upstreams that take media by its bytes only: where it is allowed.

    URL ─ names ─> addresses, all public ─ connect to one of these ─> 200, no redirect ─> bytes, bounded ─> type

Whoever asks chooses the URL, so the request must not reach what only this machine can. Invariants: a name is resolved
once, and the connection goes to an address that was checked, so that no second answer of a name server counts; one
address that is not public refuses the name. No redirect is followed, no proxy is used, no key or cookie is sent, and
certificates are verified. All files of a request together are bounded in bytes, in time and in number. No error holds a
URL, which may hold a key, nor tells a name that does not exist from one that leads inside.
Source: OWASP, "Server-Side Request Forgery Prevention" (2026-11).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from socket import SOCK_STREAM, getaddrinfo
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from gearshift.errors import InvalidRequest, UpstreamError
from gearshift.execution.connection import READ_BYTES, Connection, Http1Reply, Stale
from gearshift.execution.public_address import is_public
from gearshift.protocols.inlining import Given, Want, type_of
from gearshift.types.catalog import Seconds

MAX_FILES: Final = 32
"""Files that are fetched for one request."""
MAX_URL: Final = 8 * 1024
LOOK_UPS: Final = 4
"""Names that are looked up at once, by threads of their own: slow name servers of callers hold up no upstream's."""
_OK: Final = 200
_REDIRECTS: Final = range(300, 400)
_TRIES: Final = 3
"""Addresses of a host that are tried."""
_PORTS: Final = {"http": 80, "https": 443}


class Bounds(Struct, frozen=True, kw_only=True):
    """Hold how many bytes and seconds all files of one request may take."""

    max_bytes: int
    timeout: Seconds


class _Place(NamedTuple):
    """Hold where a URL leads."""

    secure: bool
    host: str
    port: int
    request: bytes


class _Unfetched(Exception):
    """Say why a file could not be had, without its URL."""


class _Budget:
    """Count down the bytes that the files of a request may still have."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _Unfetched(f"found more than {self._limit} bytes in the files of this request")


class Fetcher:
    """Fetch files."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        tls: ssl.SSLContext | None = None,
        allowed: Callable[[str], bool] = is_public,
    ) -> None:
        """Take the bounds; `allowed` says of a numeric address whether it may be connected to."""
        self._bounds = bounds
        self._tls = tls
        self._room = bytearray(READ_BYTES)
        self._allowed = allowed
        self._names = ThreadPoolExecutor(LOOK_UPS, "gearshift-names")

    async def fetch(self, wants: Sequence[Want]) -> Given:
        """Give the media type and the bytes behind each URL; raise InvalidRequest naming the field of one that failed.

        All are fetched at once; the first that fails stops the others.
        """
        if len({want.url for want in wants}) > MAX_FILES:
            problem = f"found more than {MAX_FILES} files to fetch in this request, expected at most so many"
            raise _refused(wants[MAX_FILES], problem)
        found: dict[str, tuple[str, bytes]] = {}
        try:
            async with asyncio.timeout(self._bounds.timeout):
                await self._all(wants, found)
        except TimeoutError:
            late = next(want for want in wants if want.url not in found)
            raise _refused(late, f"not fetched within {self._bounds.timeout:g} s") from None
        return {want.url: (_type(want, *found[want.url]), found[want.url][1]) for want in wants}

    async def _all(self, wants: Sequence[Want], found: dict[str, tuple[str, bytes]]) -> None:
        """Put what each file is said to be, and its bytes, into `found`."""
        budget = _Budget(self._bounds.max_bytes)

        async def one(want: Want) -> None:
            found[want.url] = await self._file(want, budget)

        try:
            async with asyncio.TaskGroup() as group:
                for want in {want.url: want for want in wants}.values():
                    group.create_task(one(want))
        except BaseExceptionGroup as errors:  # what failed first stopped the others
            raise errors.exceptions[0] from None

    async def _file(self, want: Want, budget: _Budget) -> tuple[str, bytes]:
        """Give what one file is said to be, and its bytes."""
        try:
            place = _place(want.url)
            reply = await self._ask(place)
            try:
                if reply.status != _OK:
                    raise _Unfetched(_status(reply.status))
                return reply.content_type, await _body(reply, budget)
            finally:
                reply.close()
        except _Unfetched as why:
            raise _refused(want, str(why)) from None
        except (UpstreamError, Stale):
            raise _refused(want, "found no whole answer in HTTP at its address") from None

    async def _ask(self, place: _Place) -> Http1Reply:
        """Send the request to an address of the host that may be reached."""
        for address in (await self._addresses(place))[:_TRIES]:
            try:
                connection = await self._connect(address, place)
            except ssl.SSLError:
                raise _Unfetched("found no certificate that can be trusted at its address") from None
            except OSError:
                continue
            return await connection.exchange(place.request)
        raise _Unfetched("no connection to its host")

    async def _addresses(self, place: _Place) -> list[str]:
        """Give the addresses of a host; raise _Unfetched where one of them may not be reached."""
        look_up = partial(getaddrinfo, place.host, place.port, type=SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._names, look_up)
        except (OSError, UnicodeError):
            found = []
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not addresses or not all(map(self._allowed, addresses)):
            raise _Unfetched("found a host that does not lead to the public internet, expected one that does")
        return addresses

    async def _connect(self, address: str, place: _Place) -> Connection:
        """Connect to `address` itself; the certificate must be the host's."""
        loop = asyncio.get_running_loop()
        tls, name = (self._context(), place.host) if place.secure else (None, None)
        make = partial(Connection, loop, self._room, Connection.abort)
        _, connection = await loop.create_connection(make, address, place.port, ssl=tls, server_hostname=name)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class Files:
    """Hold what was fetched for one exchange: another candidate finds it here."""

    def __init__(self, fetcher: Fetcher | None) -> None:
        """Begin an exchange; without a fetcher nothing is fetched."""
        self._fetcher = fetcher
        self._found: dict[str, tuple[str, bytes]] = {}

    async def get(self, wants: Sequence[Want], provider: str) -> Given:
        """Give what is behind the URLs that `provider` cannot be sent; raise InvalidRequest naming the field of one."""
        if self._fetcher is None:
            first = wants[0]
            problem = f"found a URL, {provider} takes the bytes of {_ARTICLE[first.kind]} only"
            raise _refused(first, problem, "or have the operator allow media.fetch")
        missing = [want for want in wants if want.url not in self._found]
        if missing:
            self._found.update(await self._fetcher.fetch(missing))
        return self._found


_ARTICLE: Final = {"image": "an image", "audio": "a sound", "file": "a file"}


def _place(url: str) -> _Place:
    """Take a URL apart."""
    problem = "found a text that is no http(s) URL of ASCII without credentials, expected one"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise _Unfetched(problem) from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not host or not plain or "@" in parts.netloc or len(url) > MAX_URL:
        raise _Unfetched(problem)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"GET {path} HTTP/1.1",
        f"host: {parts.netloc}",
        "user-agent: gearshift",
        "accept: */*",
        "accept-encoding: identity",
        "connection: close",
    )
    return _Place(parts.scheme == "https", host, port, "\r\n".join([*lines, "", ""]).encode())


async def _body(reply: Http1Reply, budget: _Budget) -> bytes:
    pieces = list[bytes]()
    while piece := await reply.chunk():
        budget.spend(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _status(status: int) -> str:
    if status in _REDIRECTS:
        return f"found {status} at its address, a redirect, which is not followed: name where it leads"
    return f"found {status} at its address, expected 200"


def _type(want: Want, said: str, data: bytes) -> str:
    try:
        return type_of(want.kind, said, data)
    except ValueError as problem:
        raise _refused(want, f"{problem}") from None


def _refused(want: Want, problem: str, otherwise: str = "") -> InvalidRequest:
    instead = ", ".join(filter(None, ["send its bytes as base64", otherwise]))
    return InvalidRequest(f"{want.at}: {problem}; {instead}", param=want.at)
