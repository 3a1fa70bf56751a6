"""Keep streams alive before slow providers: the official clients of all protocols pass over every sign of life."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anthropic
import msgspec
import openai
import pytest
from google.genai import errors as google_errors

from tests.contract.test_clients import ASK, PROTOCOLS, Site
from tests.fakes.house import LIMITS, House, house, served_by
from tests.fakes.polyglot import Polyglot, listening
from tests.fakes.upstream import Scene, ScriptedUpstream, refuses, sends, stream_events

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
"""google-genai's own affair (3.6)."""
EVENTS = stream_events("Hello", " there")
QUICK = msgspec.structs.replace(LIMITS, keep_alive=0.02, first_token_timeout=3.0, stall_timeout=3.0)
SLOW = sends(1.0, *EVENTS[:2], 0.1, *EVENTS[2:])
"""A second of silence, then a word, then a pause, then the rest."""
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini": "/v1beta/models/small:streamGenerateContent",
}
BODIES: dict[str, dict[str, object]] = {
    "openai_chat": {"model": "small", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
    "openai_responses": {"model": "small", "stream": True, "input": "Hi"},
    "anthropic_messages": {
        "model": "small",
        "stream": True,
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    },
    "gemini": {"contents": [{"parts": [{"text": "Hi"}]}]},
}
BEATS = {
    "openai_chat": b": keep-alive\n\n",
    "openai_responses": b": keep-alive\n\n",
    "anthropic_messages": b'event: ping\ndata: {"type": "ping"}\n\n',
    "gemini": b"\n",
}
callers = pytest.mark.parametrize("caller", PROTOCOLS)


@asynccontextmanager
async def waiting(folder: Path, *scenes: Scene, keep_alive: float = 0.02) -> AsyncIterator[tuple[House, str]]:
    """Serve `small` at a scripted provider for each scene."""
    limits = msgspec.structs.replace(QUICK, keep_alive=keep_alive)
    async with ScriptedUpstream(scenes[0]) as first, ScriptedUpstream(scenes[-1]) as second:
        made = [served_by(each, of=f"p{number}") for number, each in enumerate((first, second)[: len(scenes)])]
        async with house(folder, *made, limits=limits) as home, listening(home.app) as url:
            yield home, url


@callers
def test_every_client_passes_over_the_signs_of_life(tmp_path: Path, caller: str) -> None:
    async def scene() -> None:
        async with waiting(tmp_path, SLOW) as (home, url):
            heard = await ASK[caller](Site(url, Polyglot()), "Hi", True, False)
            assert (heard.text, heard.reason, heard.model) == ("Hello there", "stop", "small")
            assert heard.tokens == (11, 3)
            assert home.row().outcome == "completed"

    asyncio.run(scene())


@callers
def test_beats_come_before_the_first_content_and_between_pieces(tmp_path: Path, caller: str) -> None:
    async def scene() -> None:
        async with waiting(tmp_path, SLOW) as (home, _):
            query = "alt=sse" if caller == "gemini" else ""
            visit = home.post(PATHS[caller], BODIES[caller])
            visit._scope["query_string"] = query.encode()  # noqa: SLF001 - what `post` has no word for
            await visit.done()
            assert visit.status == 200
            assert visit.pieces[0] == BEATS[caller]
            words = [place for place, piece in enumerate(visit.pieces) if b"Hello" in piece]
            assert BEATS[caller] in visit.pieces[words[0] :]
            known = {"x-gearshift-exchange-id", "x-gearshift-router", "x-gearshift-reason", "x-gearshift-policy"}
            assert known <= visit.headers.keys()
            assert not {"x-gearshift-model", "x-gearshift-provider", "x-gearshift-attempts"} & visit.headers.keys()

    asyncio.run(scene())


def test_another_candidate_is_still_tried_after_a_beat(tmp_path: Path) -> None:
    async def late_refusal(wire: object) -> None:
        await asyncio.sleep(0.7)
        await refuses(500)(wire)  # type: ignore[arg-type]

    async def scene() -> None:
        async with waiting(tmp_path, late_refusal, sends(*EVENTS)) as (home, _):
            visit = await home.chat(stream=True, headers={"x-gearshift-metadata": "enabled"}).done()
            assert visit.pieces[0] == BEATS["openai_chat"]
            assert visit.text == "Hello there"
            assert visit.ended_well
            assert [each["status"] for each in visit.events[-1]["gearshift"]["attempts"]] == [500, 200]
            assert visit.events[-1]["model"] == "small"

    asyncio.run(scene())


@callers
def test_an_error_after_a_beat_is_told_in_band_and_every_client_raises_it(tmp_path: Path, caller: str) -> None:
    async def late_refusal(wire: object) -> None:
        await asyncio.sleep(0.7)
        await refuses(500, "the provider says no")(wire)  # type: ignore[arg-type]

    async def scene() -> None:
        async with waiting(tmp_path, late_refusal) as (home, url):
            with pytest.raises((openai.APIError, anthropic.APIError, google_errors.APIError)) as caught:
                await ASK[caller](Site(url, Polyglot()), "Hi", True, False)
            assert "the provider says no" in str(caught.value)
            row = home.row()
            assert (row.outcome, row.status, row.error) == ("failed", 502, "upstream_refused")

    asyncio.run(scene())


def test_an_error_before_any_beat_keeps_its_status(tmp_path: Path) -> None:
    async def scene() -> None:
        async with waiting(tmp_path, refuses(500)) as (home, _):
            assert (await home.chat(stream=True).done()).status == 502

    asyncio.run(scene())


def test_nothing_is_said_where_it_is_off_and_nothing_where_it_is_not_streamed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with waiting(tmp_path, SLOW, keep_alive=0.0) as (home, _):
            visit = await home.chat(stream=True).done()
            assert b"keep-alive" not in visit.body
            assert visit.headers["x-gearshift-model"] == "small"

    asyncio.run(scene())


def test_a_caller_who_leaves_between_beats_cancels_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with waiting(tmp_path, sends(then="hang")) as (home, _):
            visit = await home.chat(stream=True).start().until(lambda visit: len(visit.pieces) > 1)
            visit.leave()
            await visit.done()
            row = home.row()
            assert (row.outcome, row.error) == ("cancelled", "caller_left")
            assert json.loads(row.attempts)[0]["error"] == "caller_left"

    asyncio.run(scene())
