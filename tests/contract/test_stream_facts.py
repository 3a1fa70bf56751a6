"""Hold all 16 pairs of protocols to what the first and the last event of a stream say: an id, and the usage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from gearshift.server.asgi import Message, Receive, Scope, Send
from gearshift.types.chat import Text
from tests.contract.test_clients import PROTOCOLS, USAGE, answer
from tests.contract.test_keep_alive import BODIES, PATHS
from tests.fakes.asgi import Visit
from tests.fakes.house import House, house
from tests.fakes.nouns import deployment, provider
from tests.fakes.polyglot import Polyglot, listening

pairs = pytest.mark.parametrize(("caller", "upstream"), tuple(product(PROTOCOLS, PROTOCOLS)))
Json: TypeAlias = dict[str, Any]
COUNTS: Final = {
    "openai_chat": ("prompt_tokens", "completion_tokens"),
    "openai_responses": ("input_tokens", "output_tokens"),
    "anthropic_messages": ("input_tokens", "output_tokens"),
    "gemini": ("promptTokenCount", "candidatesTokenCount"),
}


class Halting:
    """Be `fake`, but say no usage at all, or nothing more once some text was said."""

    def __init__(self, fake: Polyglot, *, silent: bool = False, halts: bool = False) -> None:
        self._fake = fake
        self._silent = silent
        self._halts = halts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def say(message: Message) -> None:
            body: bytes = message.get("body", b"")
            if self._silent and b'"usage"' in body:
                lines = map(_without_usage, body.splitlines(keepends=True))
                message = dict(message) | {"body": b"".join(lines)}
            if self._halts and message.get("more_body") is False:
                await asyncio.Event().wait()
            await send(message)
            if self._halts and b"Q" in body:
                await asyncio.Event().wait()

        await self._fake(scope, receive, say)


def _without_usage(line: bytes) -> bytes:
    if not line.startswith(b"data: {"):
        return line
    event = json.loads(line.removeprefix(b"data: "))
    for holder in (event, event.get("message", {}), event.get("response", {})):
        holder.pop("usage", None)
    return b"data: %b\n" % json.dumps(event).encode()


@asynccontextmanager
async def site(folder: Path, upstream: str, **changes: bool) -> AsyncIterator[tuple[House, Polyglot]]:
    """Serve `small` at a provider that speaks `upstream`."""
    fake = Polyglot()
    async with listening(Halting(fake, **changes)) as base:
        at = deployment("small", provider("lab", base, protocol=upstream))
        async with house(folder, at) as home:
            yield home, fake


def ask(home: House, caller: str, **fields: object) -> Visit:
    """Ask for a stream."""
    query = "alt=sse" if caller == "gemini" else ""
    body = json.dumps({**BODIES[caller], **fields}).encode()
    return Visit(home.app, PATHS[caller], method="POST", body=body, query=query)


def told(visit: Visit) -> list[Json]:
    """Give the JSON of every event."""
    lines = [line for line in visit.body.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


def usage_of(caller: str, events: list[Json]) -> Json | None:
    """Give the usage that the stream's end says, None where it says none."""
    match caller:
        case "openai_responses":
            usage = events[-1]["response"].get("usage")
        case "anthropic_messages":
            usage = next(each for each in reversed(events) if each["type"] == "message_delta").get("usage")
        case "gemini":
            usage = events[-1].get("usageMetadata")
        case _:
            usage = events[-1].get("usage")
    found: Json | None = usage
    return found


def id_of(caller: str, event: Json) -> str:
    """Give the id that an event says."""
    match caller:
        case "openai_responses":
            found = event["response"]["id"]
        case "anthropic_messages":
            found = event["message"]["id"]
        case "gemini":
            found = event["responseId"]
        case _:
            found = event["id"]
    return str(found)


@pairs
def test_the_end_says_the_usage_with_its_cost(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as (home, fake):
            fake.response = answer(Text(text="Hello there"))
            usage = usage_of(caller, told(await ask(home, caller).done()))
            assert usage is not None
            sent, got = COUNTS[caller]
            read = usage.get("cache_read_input_tokens", 0) if caller == "anthropic_messages" else 0
            assert (usage[sent] + read, usage[got]) == (USAGE.input_tokens, USAGE.output_tokens)
            assert usage["cost"] == pytest.approx(38e-6)
            assert usage["cost_details"]["estimated"] is False

    asyncio.run(scene())


@pairs
def test_usage_that_the_upstream_does_not_report_is_estimated_and_says_so(
    tmp_path: Path, caller: str, upstream: str
) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream, silent=True) as (home, fake):
            fake.response = msgspec.structs.replace(answer(Text(text="Hello there")), usage=None)
            usage = usage_of(caller, told(await ask(home, caller).done()))
            assert usage is not None
            sent, got = COUNTS[caller]
            assert usage[sent] > 0
            assert usage[got] == 2  # two words
            assert usage["cost"] > 0
            assert usage["cost_details"]["estimated"] is True
            assert home.row().usage_estimated

    asyncio.run(scene())


@pytest.mark.parametrize("upstream", PROTOCOLS)
@pytest.mark.parametrize("reported", [True, False])
def test_who_wants_no_usage_gets_none(tmp_path: Path, upstream: str, reported: bool) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream, silent=not reported) as (home, fake):
            spoken = answer(Text(text="Hello there"))
            fake.response = spoken if reported else msgspec.structs.replace(spoken, usage=None)
            visit = await ask(home, "openai_chat", stream_options={"include_usage": False}).done()
            assert visit.ended_well
            assert visit.text == "Hello there"
            assert all(not event.get("usage") for event in told(visit))
            assert home.row().cost

    asyncio.run(scene())


@pairs
def test_the_first_event_has_an_id_by_which_the_exchange_is_found(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as (home, fake):
            for name in (
                ("r1", "") if caller != upstream else ("r1",)
            ):  # within one protocol nothing is added to a chunk
                fake.response = msgspec.structs.replace(answer(Text(text="Hello there")), id=name)
                visit = await ask(home, caller).done()
                said = id_of(caller, told(visit)[0])
                assert said
                found = await home.get("/v1/generation", query=f"id={said}").done()
                assert found.status == 200, said
                assert found.json["data"]["id"] == visit.headers["x-gearshift-exchange-id"]

    asyncio.run(scene())


@pairs
def test_the_exchange_of_a_stream_that_the_caller_cut_is_found_too(tmp_path: Path, caller: str, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream, halts=True) as (home, fake):
            fake.response = answer(Text(text="Q" * 40))
            visit = await ask(home, caller).start().until(lambda visit: b"Q" in visit.body)
            said = id_of(caller, told(visit)[0])
            visit.leave()
            await visit.done()
            found = await home.get("/v1/generation", query=f"id={said}").done()
            assert found.status == 200, said
            data = found.json["data"]
            assert (data["id"], data["cancelled"]) == (visit.headers["x-gearshift-exchange-id"], True)
            assert data["total_cost"] > 0

    asyncio.run(scene())
