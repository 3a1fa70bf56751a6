"""Own the truncation sweep: recorded streams of four protocols, cut at every byte, before a whole gateway in process.

No sockets: an upstream that gives the bytes and then breaks stands in the place of the HTTP client, so that a stream
takes a millisecond and 10^5 of them minutes. What the caller must get: the whole text with its proper end, or an error
in band behind a beginning of it; never a clean end of a part.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from gearshift.errors import StreamBroken
from gearshift.execution.bounds import Limits
from gearshift.execution.upstream import unheard
from gearshift.types.catalog import Deployment, Seconds
from tests.fakes.asgi import Visit
from tests.fakes.house import House, house
from tests.fakes.nouns import deployment, provider
from tests.wall.dialects import DIALECTS
from tests.wall.plays import recorded, stream
from tests.wall.steps import Asked
from tests.wall.tongues import PROTOCOLS, Verdict, hear, request
from tests.wall.words import TEXT

Cut: TypeAlias = Literal["fin", "rst"]
CUTS: Final[tuple[Cut, ...]] = ("fin", "rst")
LIMITS: Final = Limits(retries=0)
"""The shipped ones, but that nobody is asked a second time after a backoff: 10^5 of those would take a day."""
GOOD: Final[frozenset[Verdict]] = frozenset({"whole", "refused", "in_band"})
_SSE: Final = "text/event-stream"


class Cutting(Struct, frozen=True, kw_only=True):
    """Hold one stream to try: who speaks what, where it is cut and how, and in pieces of what size it arrives."""

    upstream: str
    caller: str
    offset: int
    cut: Cut
    size: int
    fallback: bool


class CutReply:
    """Be an answer that breaks off."""

    status = 200
    content_type = _SSE
    head: Mapping[str, str] = {}
    received = 0

    def __init__(self, data: bytes, size: int, cut: Cut) -> None:
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)]
        self._cut = cut

    async def read(self, limit: int) -> bytes:
        del limit
        return b"".join(self._pieces)

    async def chunk(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._cut == "rst":
            message = "the connection was reset"
            raise StreamBroken(message)
        return b""

    def close(self) -> None:
        self._pieces.clear()

    def release(self) -> None:
        self._pieces.clear()


class CutUpstream:
    """Be the HTTP client: the first provider breaks off as `cutting` says, any other is well."""

    def __init__(self) -> None:
        self.cutting: Cutting | None = None

    async def post(
        self,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        connect_timeout: Seconds,
        written: Callable[[], None] = unheard,
    ) -> CutReply:
        del body, headers, connect_timeout
        written()
        assert self.cutting is not None
        host, protocol = (urlsplit(url).hostname or "").split(".")
        whole = RECORDED[protocol.replace("-", "_")]
        if host == "first":
            return CutReply(whole[: self.cutting.offset], self.cutting.size, self.cutting.cut)
        return CutReply(whole, self.cutting.size, "fin")

    async def close(self) -> None:
        pass


def _record(protocol: str) -> bytes:
    asked = Asked(dialect=DIALECTS[protocol], model="primary", stream=True, body=b"{}", number=1, at=0.0)
    return b"".join(recorded(stream(asked)))


RECORDED: Final = {protocol: _record(protocol) for protocol in PROTOCOLS}
"""The bytes of a whole stream, by its protocol."""


def _at(host: str, protocol: str) -> Deployment:
    url = f"http://{host}.{protocol.replace('_', '-')}/v1"
    return deployment(host, provider(host, url, protocol=protocol))


def cuttings(step: int, sizes: Sequence[int] = (1 << 20,)) -> Iterator[Cutting]:
    """Give each pair of protocols, cut and size, at every `step`-th byte; the first byte differs from pair to pair."""
    for number, (upstream, caller) in enumerate(itertools.product(PROTOCOLS, PROTOCOLS)):
        for kind, (cut, size, fallback) in enumerate(itertools.product(CUTS, sizes, (False, True))):
            for offset in range((5 * number + 3 * kind) % step, len(RECORDED[upstream]) + 1, step):
                yield Cutting(upstream=upstream, caller=caller, offset=offset, cut=cut, size=size, fallback=fallback)


class Swept(Struct, kw_only=True):
    """Hold how a sweep went: how many streams, which were lies, and of those with another candidate, how many whole."""

    streams: int = 0
    lies: list[Cutting] = []
    with_fallback: int = 0
    rescued: int = 0


async def sweep(folder: Path, every: Iterator[Cutting]) -> Swept:
    """Try each; a lie is also a text that is not the beginning of the answer."""
    swept = Swept(lies=[])
    client = CutUpstream()
    for upstream, each in itertools.groupby(every, key=lambda cutting: cutting.upstream):
        second = _at("second", "openai_chat" if upstream != "openai_chat" else "gemini")
        (folder / upstream).mkdir()
        async with house(folder / upstream, _at("first", upstream), second, upstream=client, limits=LIMITS) as home:
            for cutting in each:
                client.cutting = cutting
                verdict, text = await _told(home, cutting)
                swept.streams += 1
                swept.with_fallback += cutting.fallback
                swept.rescued += cutting.fallback and verdict == "whole"
                if verdict not in GOOD or not TEXT.startswith(text):
                    swept.lies.append(cutting)
    return swept


async def _told(home: House, cutting: Cutting) -> tuple[Verdict, str]:
    """Ask as a caller does, and judge what came."""
    path, body = request(cutting.caller, "auto" if cutting.fallback else "first", stream=True, fields={})
    bare, _, query = path.partition("?")
    headers = {} if cutting.fallback else {"x-gearshift-no-fallback": "true"}
    visit = await Visit(home.app, bare, method="POST", body=body, headers=headers, query=query).done()
    heard = hear(cutting.caller, visit.body, stream=visit.status == 200)
    return heard.verdict(visit.status, framed=visit.complete), heard.text


def run_sweep(folder: Path, every: Iterator[Cutting]) -> Swept:
    """Run a sweep to its end."""
    return asyncio.run(sweep(folder, every))
