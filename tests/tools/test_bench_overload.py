from __future__ import annotations

import asyncio
import random

import pytest

from tools.bench_overload import LEVELS, Crowd, Slice, report

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nthe-end"
SHED = b'HTTP/1.1 503 x\r\nretry-after: 1\r\ncontent-length: 12\r\n\r\n"overloaded"'
RUDE = SHED.replace(b"retry-after", b"x-after")


@pytest.mark.parametrize(("said", "became"), [(GOOD, "good"), (SHED, "shed"), (RUDE, "fault"), (GOOD[:-1], "fault")])
def test_answers_are_judged(said: bytes, became: str) -> None:
    done: asyncio.Event

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'example. "}]}')
        writer.write(said)
        if said != GOOD[:-1]:
            await reader.read()
        writer.close()
        done.set()

    async def scene() -> Slice:
        nonlocal done
        done = asyncio.Event()
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            crowd = Crowd(server.sockets[0].getsockname()[1], random.Random(0))
            crowd._call(counted=True)  # noqa: SLF001 - one of those that `offer` makes
            async with asyncio.timeout(5):
                while not (crowd._slice.good or crowd._slice.shed or crowd._slice.faults):  # noqa: ASYNC110, SLF001
                    await asyncio.sleep(0.005)
            for caller in crowd._idle:  # noqa: SLF001
                caller.transport.abort()
            await done.wait()
            await asyncio.sleep(0.01)
            return crowd._slice  # noqa: SLF001

    found = asyncio.run(scene())
    assert {"good": len(found.good), "shed": len(found.shed), "fault": len(found.faults)} == {
        name: int(name == became) for name in ("good", "shed", "fault")
    }


def test_what_is_missed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    slices = {level: [Slice(good=[0.4] * min(int(100 * level), 100), shed=[0.001], seconds=1.0)] for level in LEVELS}
    assert report(slices) == []
    slices[4.0] = [Slice(good=[0.8] * 80, shed=[0.02], seconds=1.0)]
    assert report(slices) == ["goodput at 400 %, of peak", "shed p99 at 400 %, ms", "p99 at 400 %, of that at 100 %"]
    assert "goodput at 400 %, of peak: 0.80, at least 0.85: MISSED" in capsys.readouterr().out
