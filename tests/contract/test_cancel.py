"""Callers who leave: in four protocols, streamed and not, in every phase, by what the provider charges for.

Whatever they do, the upstream is let go of (or read to its end, where that is paid for anyway), nothing stays in
flight, and there is one record, which says what is owed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import pytest

from gearshift.execution import call, draining
from gearshift.execution.bounds import Limits
from gearshift.storage.store import Row
from gearshift.types.catalog import OnCancel, Quirks
from tests.fakes.asgi import Visit
from tests.fakes.house import LIMITS, House, house
from tests.fakes.nouns import deployment, provider
from tests.fakes.upstream import (
    DONE,
    USAGE,
    Scene,
    ScriptedUpstream,
    Wire,
    completion,
    deaf_port,
    event,
    http,
    refuses,
)

Phase: TypeAlias = Literal["before the head", "before the content", "in the middle"]
TURN = [{"role": "user", "content": "Hello"}]
CALLERS: dict[str, tuple[str, str, dict[str, object]]] = {
    "chat": ("/v1/chat/completions", "/v1/chat/completions", {"model": "auto", "messages": TURN}),
    "responses": ("/v1/responses", "/v1/responses", {"model": "auto", "input": "Hello"}),
    "messages": ("/v1/messages", "/v1/messages", {"model": "auto", "max_tokens": 99, "messages": TURN}),
    "gemini": (
        "/v1beta/models/auto:generateContent",
        "/v1beta/models/auto:streamGenerateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
    ),
}
STREAM = [event({"role": "assistant", "content": ""}), event({"content": "Hello"}), event({"content": " there"})]
REST = [event({}, "stop"), event(None, usage=USAGE), DONE]
STREAMED: dict[Phase, int | None] = {"before the head": None, "before the content": 1, "in the middle": 2}
WHOLE: dict[Phase, int | None] = {"before the head": None, "before the content": 9}
CASES = [
    *(pytest.param(caller, True, phase, id=f"{caller}, streamed, {phase}") for caller in CALLERS for phase in STREAMED),
    *(pytest.param(caller, False, phase, id=f"{caller}, whole, {phase}") for caller in CALLERS for phase in WHOLE),
]


def paused(phase: Phase, more: asyncio.Event, *, stream: bool) -> Scene:
    """Answer as far as `phase`, and go on when `more` is asked for."""
    body = completion("Hello there")
    pieces = [*STREAM, *REST] if stream else [body]
    said = (STREAMED if stream else WHOLE)[phase]

    async def scene(wire: Wire) -> None:
        if said is None:
            await more.wait()
        if stream:
            wire.head(content_type="text/event-stream", length=None)
        else:
            wire.head(length=len(body))
        for number, piece in enumerate(pieces):
            if number == said:
                await more.wait()
            if stream:
                wire.piece(piece)
            else:
                wire.send(piece[: said or 0])
                await more.wait()
                wire.send(piece[said or 0 :])
        if stream:
            wire.end()

    return scene


@asynccontextmanager
async def serving(folder: Path, policy: OnCancel, *scenes: Scene) -> AsyncIterator[tuple[House, ScriptedUpstream]]:
    async with ScriptedUpstream(*scenes) as upstream:
        lab = provider("lab", upstream.base_url, quirks=Quirks(on_cancel=policy))
        async with house(folder, deployment(of=lab), limits=LIMITS) as home:
            yield home, upstream


def ask(home: House, caller: str, *, stream: bool) -> Visit:
    whole, streamed, body = CALLERS[caller]
    said = {**body, "stream": True} if stream and caller != "gemini" else body
    query = "alt=sse" if stream and caller == "gemini" else ""
    path = streamed if stream else whole
    return Visit(home.app, path, method="POST", body=json.dumps(said).encode(), query=query).start()


async def leave(home: House, upstream: ScriptedUpstream, visit: Visit, phase: Phase) -> None:
    """Leave in that phase; nothing is in flight then."""
    await upstream.request()
    if phase == "in the middle":
        await visit.until(lambda visit: bool(visit.pieces))
    else:
        await asyncio.sleep(0.03)
        assert not visit.pieces
    visit.leave()
    await visit.done()
    assert home.metric("gearshift_in_flight") == 0


async def recorded(home: House) -> Row:
    """Wait for the record of the exchange."""
    for _ in range(500):
        if home.rows():
            break
        await asyncio.sleep(0.01)
    return home.row()


async def record(home: House) -> dict[str, Any]:
    """Wait for the record of the exchange, and give its one attempt."""
    row = await recorded(home)
    assert (row.outcome, row.status, row.error) == ("cancelled", 499, "caller_left")
    (made,) = json.loads(row.attempts)
    assert made["error"] == "caller_left"
    assert bool(row.usage_estimated) == bool(made["usage_estimated"])
    found: dict[str, Any] = made
    return found


@pytest.mark.parametrize(("caller", "stream", "phase"), CASES)
@pytest.mark.parametrize("policy", ["estimate", "free"])
def test_the_upstream_is_closed(tmp_path: Path, policy: OnCancel, caller: str, stream: bool, phase: Phase) -> None:
    async def scene() -> None:
        held = paused(phase, asyncio.Event(), stream=stream)
        async with serving(tmp_path, policy, held) as (home, upstream):
            await leave(home, upstream, ask(home, caller, stream=stream), phase)
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            made, row = await record(home), home.row()
            if policy == "free":
                assert (made["billing"], made["usage_estimated"], row.cost) == ("not_billed", None, 0)
            else:
                began = phase == "in the middle"
                assert (made["billing"], made["usage_estimated"]) == ("billed" if began else "maybe_billed", True)
                assert row.cost is not None
                assert row.cost > 0
                came = began or (not stream and phase == "before the content")
                assert (made["output_tokens"] > 0) is came

    asyncio.run(scene())


@pytest.mark.parametrize(("caller", "stream", "phase"), CASES)
def test_what_is_paid_for_whole_is_read_to_its_end(tmp_path: Path, caller: str, stream: bool, phase: Phase) -> None:
    async def scene() -> None:
        more = asyncio.Event()
        async with serving(tmp_path, "drain", paused(phase, more, stream=stream)) as (home, upstream):
            await leave(home, upstream, ask(home, caller, stream=stream), phase)
            assert home.rows() == []
            assert not upstream.log[0].gone.is_set()
            more.set()
            made, row = await record(home), home.row()
            assert (made["billing"], made["usage_estimated"]) == ("billed", False)
            assert (made["input_tokens"], made["output_tokens"]) == (11, 3)
            assert row.cost == 11 * 1_000 + 3 * 2_000
            assert row.duration < made["ended_s"]  # the caller's time is not the upstream's

    asyncio.run(scene())


@pytest.mark.parametrize("phase", STREAMED)
def test_when_the_gateway_stops_what_is_read_on_is_estimated(tmp_path: Path, phase: Phase) -> None:
    async def scene() -> None:
        async with serving(tmp_path, "drain", paused(phase, asyncio.Event(), stream=True)) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=True), phase)
            await home.drains.close()
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            (row,) = home.rows()
            (made,) = json.loads(row.attempts)
            began = phase == "in the middle"
            assert (made["billing"], made["usage_estimated"]) == ("billed" if began else "maybe_billed", True)

    asyncio.run(scene())


def test_what_takes_too_long_is_let_go_of_and_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "LONGEST", 0.05)

    async def scene() -> None:
        held = paused("in the middle", asyncio.Event(), stream=True)
        async with serving(tmp_path, "drain", held) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=True), "in the middle")
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            made = await record(home)
            assert (made["billing"], made["usage_estimated"], made["output_tokens"]) == ("billed", True, 1)

    asyncio.run(scene())


def test_when_too_many_are_read_on_the_next_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "MOST", 0)

    async def scene() -> None:
        held = paused("in the middle", asyncio.Event(), stream=True)
        async with serving(tmp_path, "drain", held) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=True), "in the middle")
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            assert (await record(home))["usage_estimated"]

    asyncio.run(scene())


def test_what_breaks_while_it_is_read_on_is_estimated(tmp_path: Path) -> None:
    async def scene() -> None:
        more = asyncio.Event()

        async def breaks(wire: Wire) -> None:
            wire.head(content_type="text/event-stream", length=None)
            for piece in STREAM[:2]:
                wire.piece(piece)
            await more.wait()
            wire.piece(STREAM[2])
            await wire.then("close")

        async with serving(tmp_path, "drain", breaks) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=True), "in the middle")
            more.set()
            made = await record(home)
            assert (made["billing"], made["usage_estimated"], made["output_tokens"]) == ("billed", True, 3)

    asyncio.run(scene())


def test_a_refusal_that_nobody_waited_for_costs_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        more = asyncio.Event()

        async def late(wire: Wire) -> None:
            await more.wait()
            await refuses(429)(wire)

        async with serving(tmp_path, "drain", late) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=False), "before the head")
            more.set()
            row = await recorded(home)
            (made,) = json.loads(row.attempts)
            assert (row.outcome, row.cost, made["billing"], made["status"]) == ("cancelled", 0, "not_billed", 429)

    asyncio.run(scene())


def test_what_was_never_sent_is_not_read_on(tmp_path: Path) -> None:
    async def scene() -> None:
        with deaf_port() as port:
            lab = provider("lab", f"http://127.0.0.1:{port}/v1", quirks=Quirks(on_cancel="drain"))
            async with house(tmp_path, deployment(of=lab), limits=LIMITS) as home:
                visit = ask(home, "chat", stream=False)
                await asyncio.sleep(0.05)
                visit.leave()
                await visit.done()
                made = await record(home)
                assert (made["billing"], home.row().cost) == ("not_sent", 0)

    asyncio.run(scene())


def test_a_silent_upstream_is_given_up_though_it_would_be_read_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(paused("before the head", asyncio.Event(), stream=False)) as upstream:
            lab = provider("lab", upstream.base_url, quirks=Quirks(on_cancel="drain"))
            limits = Limits(retries=0, answer_timeout=0.05)
            async with house(tmp_path, deployment(of=lab), limits=limits) as home:
                began = time.monotonic()
                assert (await home.chat().done()).status == 504
                await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
                assert time.monotonic() - began < 2

    asyncio.run(scene())


def test_what_is_no_answer_is_estimated_when_it_was_read(tmp_path: Path) -> None:
    async def scene() -> None:
        more = asyncio.Event()

        async def odd(wire: Wire) -> None:
            await more.wait()
            wire.send(http(b"<html>", "content-type: text/html", "content-length: 6"))

        async with serving(tmp_path, "drain", odd) as (home, upstream):
            await leave(home, upstream, ask(home, "chat", stream=True), "before the head")
            more.set()
            assert (await record(home))["billing"] == "maybe_billed"

    asyncio.run(scene())


def test_two_that_were_asked_at_once_are_both_read_on(tmp_path: Path) -> None:
    async def scene() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        async with (
            ScriptedUpstream(paused("before the content", first, stream=True)) as one,
            ScriptedUpstream(paused("before the content", second, stream=True)) as other,
        ):
            quirks = Quirks(on_cancel="drain")
            models = [
                deployment(name, provider(f"at-{name}", at.base_url, quirks=quirks))
                for name, at in (("small", one), ("large", other))
            ]
            limits = msgspec.structs.replace(LIMITS, hedge_after=0.02)
            async with house(tmp_path, *models, limits=limits) as home:
                visit = ask(home, "chat", stream=True)
                await other.request()
                await asyncio.sleep(0.03)
                visit.leave()
                await visit.done()
                second.set()
                await asyncio.sleep(0.05)
                assert home.rows() == []
                first.set()
                row = await recorded(home)
                made = json.loads(row.attempts)
                assert {(each["model"], each["billing"], each["output_tokens"]) for each in made} == {
                    ("small", "billed", 3),
                    ("large", "billed", 3),
                }
                assert row.cost == 2 * (11 * 1_000 + 3 * 2_000)

    asyncio.run(scene())
