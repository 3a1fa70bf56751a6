"""Streams that break, and are gone on with by who can be given their beginning."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gearshift import tokens
from gearshift.types.catalog import Quirks
from tests.fakes.asgi import Visit
from tests.fakes.house import LIMITS, House, house, served_by
from tests.fakes.nouns import deployment, provider
from tests.fakes.upstream import Scene, ScriptedUpstream, refuses, sends, stream_events, streams

RESCUE = msgspec.structs.replace(LIMITS, rescue=True)
TOLD, REST = "The whole answ", "er, told."
CUT = sends(*stream_events("The whole ", "answ", done=False)[:3])
TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": TOLD}]


def attempts(home: House) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(home.row().attempts)
    return made


@asynccontextmanager
async def pair(
    folder: Path, first: Scene, second: Sequence[Scene], quirks: Quirks | None = None, **changes: object
) -> AsyncIterator[tuple[House, ScriptedUpstream]]:
    """Serve `small`, that breaks, and `large`, that goes on as its quirks say."""
    async with ScriptedUpstream(first) as one, ScriptedUpstream(*second) as other:
        at = provider("at-large", other.base_url, quirks=quirks or Quirks(prefill="prefix"), **changes)
        async with house(folder, served_by(one, "small"), deployment("large", at), limits=RESCUE) as home:
            yield home, other


def is_whole(visit: Visit) -> None:
    assert (visit.status, visit.text) == (200, TOLD + REST)
    assert visit.ended_well
    assert len({each["id"] for each in visit.events}) == 1


def test_who_takes_the_beginning_is_given_it_and_nothing_else(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pair(tmp_path, CUT, [streams("er, ", "told.")]) as (home, other):
            is_whole(await home.chat(stream=True, seed=1).done())
            (asked,) = other.log
            assert asked.json == {
                "model": "large-v1",
                "messages": [TURNS[0], TURNS[1] | {"prefix": True}],
                "seed": 1,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            assert [(each["model"], each["purpose"]) for each in attempts(home)] == [
                ("small", "answer"),
                ("large", "resume"),
            ]

    asyncio.run(scene())


def test_the_usage_that_the_caller_sees_is_that_of_what_it_sees(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pair(tmp_path, CUT, [streams(REST)]) as (home, _):
            visit = await home.chat(stream=True).done()
            usage = visit.events[-1]["usage"]
            count = tokens.estimate_text(TOLD)
            assert (usage["prompt_tokens"], usage["completion_tokens"]) == (11 - count, 3 + count)
            assert usage["cost_details"]["estimated"] is True
            broken, second = attempts(home)
            assert (second["input_tokens"], second["output_tokens"], second["usage_estimated"]) == (11, 3, False)
            assert broken["usage_estimated"] is True

    asyncio.run(scene())


def test_who_says_the_beginning_again_as_it_is_known_to_is_not_heard_twice(tmp_path: Path) -> None:
    async def scene() -> None:
        quirks = Quirks(prefill="prefix_echoed")
        async with pair(tmp_path, CUT, [streams("The whole answer,", " told.")], quirks) as (home, other):
            visit = await home.chat(stream=True).done()
            is_whole(visit)
            assert other.log[0].json["messages"][-1]["prefix"] is True
            assert visit.events[-1]["usage"]["completion_tokens"] == 3

    asyncio.run(scene())


def test_who_says_it_again_though_it_is_known_not_to_is_not_heard(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pair(tmp_path, CUT, [streams("The whole answer, told.")]) as (home, _):
            visit = await home.chat(stream=True).done()
            assert (visit.text, visit.ended_well) == (TOLD, False)
            assert visit.events[-1]["error"]["code"] == "upstream_stream_broken"
            assert len(attempts(home)) == 2

    asyncio.run(scene())


@pytest.mark.parametrize("status", [400, 404, 422])
def test_who_refuses_the_beginning_is_asked_to_say_all_again(tmp_path: Path, status: int) -> None:
    async def scene() -> None:
        no = refuses(status, "This model does not support assistant message prefill.")
        async with pair(tmp_path, CUT, [no, streams("The whole answer, told.")]) as (home, other):
            is_whole(await home.chat(stream=True).done())
            assert [len(asked.json["messages"]) for asked in other.log] == [2, 1]
            made = [(each["purpose"], each["status"], each["billing"]) for each in attempts(home)]
            assert made == [("answer", 200, "billed"), ("resume", status, "not_billed"), ("resume", 200, "billed")]

    asyncio.run(scene())


def test_without_an_attempt_left_a_refused_beginning_is_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(CUT) as one, ScriptedUpstream(refuses(400), streams("The whole answer.")) as other:
            at = provider("at-large", other.base_url, quirks=Quirks(prefill="prefix"))
            limits = msgspec.structs.replace(RESCUE, max_attempts=2)
            async with house(tmp_path, served_by(one, "small"), deployment("large", at), limits=limits) as home:
                visit = await home.chat(stream=True).done()
                assert (visit.text, visit.ended_well, len(other.log)) == (TOLD, False, 1)
                assert visit.events[-1]["error"]["code"] == "upstream_stream_broken"

    asyncio.run(scene())


def test_who_takes_the_beginning_goes_before_who_does_not(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(CUT) as one,
            ScriptedUpstream(streams("Something else.")) as plain,
            ScriptedUpstream(streams(REST)) as other,
        ):
            at = provider("at-large", other.base_url, quirks=Quirks(prefill="continue"))
            models = served_by(one, "small"), served_by(plain, "middle"), deployment("large", at)
            async with house(tmp_path, *models, limits=RESCUE) as home:
                is_whole(await home.chat(stream=True).done())
                assert plain.log == []
                assert other.log[0].json["continue_final_message"] is True
                assert other.log[0].json["messages"] == TURNS

    asyncio.run(scene())


def test_only_the_models_that_take_a_beginning_are_given_one(tmp_path: Path) -> None:
    async def scene() -> None:
        quirks = Quirks(prefill="prefix", prefill_models=("old-",))
        async with pair(tmp_path, CUT, [streams("The whole answer, told.")], quirks) as (home, other):
            is_whole(await home.chat(stream=True).done())
            assert len(other.log[0].json["messages"]) == 1

    asyncio.run(scene())


def test_beginnings_may_have_a_place_of_their_own(tmp_path: Path) -> None:
    async def scene() -> None:
        quirks = Quirks(prefill="prefix", prefill_path="/beta/chat/completions")
        async with pair(tmp_path, CUT, [streams(REST)], quirks) as (home, other):
            is_whole(await home.chat(stream=True).done())
            assert other.log[0].target == "/beta/chat/completions"
            await home.chat("large", stream=True).done()
            assert other.log[1].target == "/v1/chat/completions"

    asyncio.run(scene())


def test_a_conversation_in_another_protocol_is_begun_in_that(tmp_path: Path) -> None:
    async def scene() -> None:
        quirks = Quirks(prefill="message")
        first = sends(*stream_events("The whole ", done=False)[:2])
        events = (
            '{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":5}}}',
            '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
            '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" answer, told."}}',
            '{"type":"content_block_stop","index":0}',
            '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}',
            '{"type":"message_stop"}',
        )
        said = sends(*(b"event: %b\ndata: %b\n\n" % (_type(each), each.encode()) for each in events))
        async with pair(tmp_path, first, [said], quirks, protocol="anthropic_messages") as (home, other):
            is_whole(await home.chat(stream=True).done())
            assert other.log[0].json["messages"] == [TURNS[0], {"role": "assistant", "content": "The whole"}]

    asyncio.run(scene())


def _type(event: str) -> bytes:
    kind: str = json.loads(event)["type"]
    return kind.encode()


def test_thinking_that_was_told_is_no_part_of_the_beginning(tmp_path: Path) -> None:
    async def scene() -> None:
        pieces = stream_events("The whole answ", done=False)
        thought = pieces[1].replace(b'"content": "The whole answ"', b'"reasoning_content": "Let me see."')
        async with pair(tmp_path, sends(pieces[0], thought, pieces[1]), [streams(REST)]) as (home, other):
            is_whole(await home.chat(stream=True).done())
            assert other.log[0].json["messages"][-1] == TURNS[1] | {"prefix": True}

    asyncio.run(scene())
