from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from gearshift.case import Case
from gearshift.errors import UpstreamRefused
from gearshift.execution.bounds import Limits
from gearshift.execution.credentials import Credentials
from gearshift.execution.fetching import Files
from gearshift.execution.inquiry import Inquiry
from gearshift.execution.means import Means
from gearshift.execution.metering import Meter
from gearshift.execution.watchdog import Watchdog
from gearshift.protocols.registry import CODECS
from gearshift.types.catalog import OnCancel, Quirks
from gearshift.types.inbound import Inbound
from tests.fakes.nouns import decision, deployment, provider
from tests.fakes.upstream import completion, stream_events
from tests.unit.execution.test_order import WORLD


class Slow:
    """Be an upstream that waits before its head, and before its body, until it is told to go on."""

    def __init__(self, *pieces: bytes, status: int = 200, content_type: str = "application/json") -> None:
        self.status, self.content_type = status, content_type
        self.head: Mapping[str, str] = MappingProxyType({})
        self.may_head, self.may_body = asyncio.Event(), asyncio.Event()
        self.closed = False
        self.received = 0
        self._pieces = list(pieces)

    async def post(self, *what: object) -> Slow:
        """Take the request; the last that is given is told once it is on its way."""
        written = what[-1]
        assert callable(written)
        written()
        await self.may_head.wait()
        return self

    async def read(self, limit: int) -> bytes:
        await self.may_body.wait()
        return b"".join(self._pieces)[:limit]

    async def chunk(self) -> bytes:
        await self.may_body.wait()
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self.closed = True

    release = close


def inquiry(upstream: Slow, policy: OnCancel = "drain", *, stream: bool = False) -> tuple[Inquiry, Meter]:
    means = Means(
        upstream=upstream,  # type: ignore[arg-type]
        codecs=CODECS,
        credentials=Credentials({}),
        clock=time.monotonic,
        wall_clock=time.time,
    )
    body = b'{"model":"auto","messages":[{"role":"user","content":"Hi"}]%b}' % (b',"stream":true' if stream else b"")
    case = Case(WORLD, CODECS["openai_chat"], Inbound(path="/", body=body, began=0.0), "gx-1", time.monotonic)
    case.read()
    case.decision = decision()
    meter = Meter("gx-1-1", deployment(of=provider(quirks=Quirks(on_cancel=policy))), 0.0)
    return Inquiry(means, case, Limits(), Watchdog(60.0), meter), meter


async def left(asking: Inquiry) -> None:
    """Ask, and leave when it has come as far as it comes."""
    task = asyncio.ensure_future(asking.ask(Files(None)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("headed", [False, True])
def test_what_the_caller_did_not_wait_for_is_read_in_the_end(stream: bool, headed: bool) -> None:
    async def scene() -> None:
        pieces = stream_events("Hello") if stream else [completion()]
        upstream = Slow(*pieces, content_type="text/event-stream" if stream else "application/json")
        asking, meter = inquiry(upstream, stream=stream)
        if headed:
            upstream.may_head.set()
        await left(asking)
        upstream.may_head.set()
        upstream.may_body.set()
        await asking.rest()
        if asking.stream is not None:
            meter.learn(asking.stream.relay)
        assert meter.usage is not None
        assert (meter.usage.input_tokens, meter.usage.output_tokens) == (11, 3)
        asking.close()
        assert upstream.closed

    asyncio.run(scene())


def test_a_refusal_that_comes_late_is_one() -> None:
    async def scene() -> None:
        upstream = Slow(b"{}", status=429)
        asking, meter = inquiry(upstream)
        await left(asking)
        upstream.may_head.set()
        upstream.may_body.set()
        with pytest.raises(UpstreamRefused):
            await asking.rest()
        assert meter.status == 429

    asyncio.run(scene())


@pytest.mark.parametrize("policy", ["estimate", "free"])
def test_what_is_not_paid_for_whole_ends_with_its_caller(policy: OnCancel) -> None:
    async def scene() -> None:
        asking, meter = inquiry(Slow(completion()), policy)
        await left(asking)
        assert not asking.is_paid_whole
        asking.close()
        await asking.rest()
        assert (asking.reply, asking.called, meter.sent) == (None, True, True)

    asyncio.run(scene())


def test_closing_ends_a_step_that_would_last() -> None:
    async def scene() -> None:
        asking, _ = inquiry(Slow(completion()))
        await left(asking)
        asking.close()
        with pytest.raises(asyncio.CancelledError):
            await asking.rest()

    asyncio.run(scene())
