"""How answers are worded: headers, cost, metadata."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gearshift.case import Case, World
from gearshift.errors import CallerLeft, InvalidRequest
from gearshift.execution.bounds import Limits
from gearshift.protocols.openai_chat import codec
from gearshift.routing.router import RouterTable
from gearshift.types.catalog import Price, Rates
from gearshift.types.inbound import Inbound
from tests.fakes.asgi import Visit
from tests.fakes.house import house, served_by, serving
from tests.fakes.nouns import PRICE, deployment, provider
from tests.fakes.upstream import ScriptedUpstream, Wire, answers, event, refuses, says, sends, streams

BODY = {"model": "auto", "messages": [{"role": "user", "content": "a prompt"}]}
METADATA = {"x-gearshift-metadata": "enabled"}
ALWAYS = {
    "x-gearshift-exchange-id",
    "x-gearshift-router",
    "x-gearshift-reason",
    "x-gearshift-policy",
    "x-gearshift-attempts",
    "x-gearshift-cache",
    "x-gearshift-overhead-ms",
}
ANSWERED = ALWAYS | {"x-gearshift-model", "x-gearshift-provider"}


def ours(visit: Visit) -> set[str]:
    """Give the names of our headers."""
    return {name for name in visit.headers if name.startswith("x-gearshift-")}


# Headers


def test_a_whole_answer_has_every_header_of_the_contract(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            visit = await home.chat().done()
            assert ours(visit) == ANSWERED | {"x-gearshift-cost-usd"}
            assert visit.headers["x-gearshift-exchange-id"] == "gx-1"
            assert visit.headers["x-gearshift-model"] == "small"
            assert visit.headers["x-gearshift-provider"] == "at-small"
            assert visit.headers["x-gearshift-router"] == "auto"
            assert visit.headers["x-gearshift-reason"] == "only_candidate"
            assert visit.headers["x-gearshift-policy"] == "0123456789ab"
            assert visit.headers["x-gearshift-attempts"] == "1"
            assert visit.headers["x-gearshift-cache"] == "off"
            assert visit.headers["x-gearshift-cost-usd"] == "0.000017"
            assert 0 < float(visit.headers["x-gearshift-overhead-ms"]) < 1000
            assert visit.headers["content-type"] == "application/json"

    asyncio.run(scene())


def test_a_stream_has_them_too_but_for_its_cost(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a")) as (home, _):
            visit = await home.chat(stream=True).done()
            assert ours(visit) == ANSWERED
            assert visit.headers["content-type"] == "text/event-stream"
            assert visit.headers["cache-control"] == "no-cache"
            assert visit.headers["x-gearshift-attempts"] == "1"

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_after_the_decision_has_those_that_are_known(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(500)) as (home, _):
            visit = await home.chat(stream=stream).done()
            assert ours(visit) == ALWAYS | {"x-gearshift-model", "x-gearshift-provider"}
            assert visit.headers["x-gearshift-attempts"] == "1"
            assert visit.headers["x-gearshift-model"] == "small"

    asyncio.run(scene())


@pytest.mark.parametrize("body", [b"{", b'{"model":"nowhere","messages":[{"role":"user","content":"x"}]}'])
def test_an_error_before_the_decision_has_those_that_are_known(tmp_path: Path, body: bytes) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat(body=body).done()
            assert ours(visit) == ALWAYS - {"x-gearshift-router", "x-gearshift-reason"}
            assert visit.headers["x-gearshift-attempts"] == "0"

    asyncio.run(scene())


def test_a_simulated_provider_is_labelled(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as upstream:
            tier = deployment(of=provider("tiers", upstream.base_url, simulated=True))
            async with house(tmp_path, tier) as home:
                assert (await home.chat().done()).headers["x-gearshift-simulated"] == "true"

    asyncio.run(scene())


def test_a_name_that_no_header_can_hold_is_quoted(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(answers()) as upstream,
            house(tmp_path, served_by(upstream, 'größe\r\nx-evil: 1"')) as home,
        ):
            visit = await home.chat().done()
            assert visit.headers["x-gearshift-model"] == "gr%C3%B6%C3%9Fe%0D%0Ax-evil: 1%22"
            assert visit.json["model"] == 'größe\r\nx-evil: 1"'

    asyncio.run(scene())


def test_our_own_time_leaves_the_upstream_s_out(tmp_path: Path) -> None:
    async def scene() -> None:
        async def late(wire: Wire) -> None:
            await asyncio.sleep(0.3)
            await answers()(wire)

        async with serving(tmp_path, late) as (home, _):
            visit = await home.chat().done()
            assert float(visit.headers["x-gearshift-overhead-ms"]) < 100
            row = home.row()
            assert row.overhead < 0.1
            assert row.duration >= 0.3

    asyncio.run(scene())


# The model and the money


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked", ["auto", "small", "at-small/small"])
def test_the_model_is_the_one_that_answered_whatever_was_asked_for(tmp_path: Path, asked: str, stream: bool) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a") if stream else answers()) as (home, _):
            visit = await home.chat(asked, stream=stream).done()
            documents = visit.events if stream else [visit.json]
            assert {each["model"] for each in documents} == {"small"}
            row = home.row()
            assert (row.requested_model, row.model) == (asked, "small")

    asyncio.run(scene())


def usage(visit: Visit, *, stream: bool) -> dict[str, Any]:
    found: dict[str, Any] = visit.events[-1]["usage"] if stream else visit.json["usage"]
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_usage_has_its_cost_exactly(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a") if stream else answers()) as (home, _):
            visit = await home.chat(stream=stream).done()
            found = usage(visit, stream=stream)
            assert b'"cost":0.000017' in visit.body
            assert found["cost"] == 0.000017
            assert found["cost_details"] == {"upstream_inference_cost": 0.000017, "estimated": False}
            assert (found["prompt_tokens"], found["completion_tokens"]) == (11, 3)
            assert home.row().cost == 17_000

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_price_is_null_never_zero(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(streams("a") if stream else answers()) as upstream,
            house(tmp_path, served_by(upstream, price=None)) as home,
        ):
            visit = await home.chat("small", stream=stream).done()
            found = usage(visit, stream=stream)
            assert found["cost"] is None
            assert found["cost_details"]["upstream_inference_cost"] is None
            if not stream:
                assert visit.headers["x-gearshift-cost-usd"] == "null"
            assert home.row().cost is None

    asyncio.run(scene())


def test_a_price_of_nothing_is_zero_not_null(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as upstream:
            free = Price(rates=Rates(input=0, output=0), source="config")
            async with house(tmp_path, served_by(upstream, price=free)) as home:
                visit = await home.chat().done()
                assert usage(visit, stream=False)["cost"] == 0
                assert visit.headers["x-gearshift-cost-usd"] == "0"

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_the_upstream_left_out_is_estimated_and_says_so(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        scene_ = streams("Hello", usage=None) if stream else answers(usage=None)
        async with serving(tmp_path, scene_) as (home, _):
            found = usage(await home.chat(stream=stream).done(), stream=stream)
            assert found["cost_details"]["estimated"] is True
            assert found["cost"] > 0
            assert found["completion_tokens"] == 1
            assert home.row().usage_estimated

    asyncio.run(scene())


def test_a_failed_attempt_that_may_be_billed_is_part_of_the_cost(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(says(b"", "close")) as one,
            ScriptedUpstream(answers()) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large")) as home,
        ):
            visit = await home.chat().done()
            found = usage(visit, stream=False)
            assert found["cost"] > 0.000017
            assert found["cost_details"] == {"upstream_inference_cost": 0.000017, "estimated": True}
            assert float(visit.headers["x-gearshift-cost-usd"]) == found["cost"]

    asyncio.run(scene())


def test_an_attempt_of_unknown_cost_makes_the_whole_unknown(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(says(b"", "close")) as one, ScriptedUpstream(answers()) as other:
            first = served_by(one, "small", price=None)
            second = served_by(other, "small", of="other")
            async with house(tmp_path, first, second) as home:
                visit = await home.chat("small").done()
                assert usage(visit, stream=False)["cost"] is None
                assert usage(visit, stream=False)["cost_details"]["upstream_inference_cost"] == 0.000017
                assert home.row().cost is None

    asyncio.run(scene())


def test_a_caller_may_do_without_usage(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a")) as (home, _):
            visit = await home.chat(stream=True, stream_options={"include_usage": False}).done()
            assert b"usage" not in visit.body
            assert visit.ended_well
            assert home.row().input_tokens == 11

    asyncio.run(scene())


# Metadata


def test_nothing_is_told_that_was_not_asked_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(), refuses(500)) as (home, _):
            assert "gearshift" not in (await home.chat().done()).json
            assert "gearshift" not in (await home.chat(headers={"x-gearshift-metadata": "disabled"}).done()).json

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_the_metadata_of_an_answer_tell_its_decision_attempts_and_saving(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(streams("a") if stream else answers()) as upstream:
            dear = Price(rates=Rates(input=10 * PRICE.rates.input, output=10 * PRICE.rates.output), source="config")
            both = (served_by(upstream, "small"), served_by(upstream, "large", price=dear))
            async with house(tmp_path, *both, baseline="at-large/large") as home:
                visit = await home.chat(stream=stream, headers=METADATA).done()
                documents = visit.events if stream else [visit.json]
                assert [("gearshift" in each) for each in documents] == [False] * (len(documents) - 1) + [True]
                told = documents[-1]["gearshift"]
                assert (told["exchange_id"], told["router"]) == ("gx-1", "auto")
                assert [each["deployment"] for each in told["decision"]["candidates"]] == [each.id for each in both]
                assert told["decision"]["chosen"] == "at-small/small"
                assert {"objective", "attempts", "baseline", "saved_usd"} <= told.keys()
                (made,) = told["attempts"]
                assert (made["cost_usd"], made["billing"]) == (0.000017, "billed")
                assert told["baseline"] == {"model": "large", "cost_usd": 0.00017}
                assert told["saved_usd"] == pytest.approx(0.000153)
                assert home.row().baseline_cost == 170_000

    asyncio.run(scene())


def test_the_metadata_of_a_stream_come_even_without_usage(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a")) as (home, _):
            options = {"include_usage": False}
            visit = await home.chat(stream=True, headers=METADATA, stream_options=options).done()
            assert visit.events[-1]["gearshift"]["attempts"]
            assert "usage" not in visit.events[-1]
            assert visit.ended_well

    asyncio.run(scene())


def test_the_metadata_of_an_error_tell_what_was_tried(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(500)) as (home, _):
            told = (await home.chat(headers=METADATA).done()).json["gearshift"]
            assert told["decision"]["chosen"] == "at-small/small"
            assert [made["error"] for made in told["attempts"]] == ["upstream_refused"]
            assert told["saved_usd"] is None

    asyncio.run(scene())


def test_the_metadata_of_an_error_before_the_decision_hold_nulls(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat(body=b"{", headers=METADATA).done()
            assert visit.json["gearshift"]["decision"] is None
            assert visit.json["gearshift"]["attempts"] == []

    asyncio.run(scene())


def test_a_stream_that_breaks_saves_nothing_it_did_not_say(tmp_path: Path) -> None:
    async def scene() -> None:
        cut = sends(event({"role": "assistant", "content": ""}), event({"content": "Hi"}), then="close")
        async with (
            ScriptedUpstream(cut) as upstream,
            house(tmp_path, served_by(upstream), baseline="at-small/small") as home,
        ):
            await home.chat(stream=True).done()
            row = home.row()
            assert row.baseline_cost == row.cost

    asyncio.run(scene())


def test_without_content_nothing_was_saved(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(says(b"", "close")) as upstream,
            house(tmp_path, served_by(upstream), baseline="at-small/small") as home,
        ):
            await home.chat().done()
            row = home.row()
            assert row.baseline_cost is None
            assert row.cost is not None

    asyncio.run(scene())


# The case itself


def case(**changes: object) -> Case:
    table = RouterTable({}, {})
    world = World(routers=table, deployments=(), limits=Limits(deadline=60.0), version="v")
    inbound = Inbound(path="/v1/chat/completions", body=json.dumps(BODY).encode(), began=1.0)
    return Case(world, codec, msgspec.structs.replace(inbound, **changes), "x", lambda: 2.0)


def test_a_case_without_a_decision_says_so() -> None:
    with pytest.raises(RuntimeError, match="no decision"):
        _ = case().decision


def test_the_caller_tightens_the_bounds() -> None:
    assert case(deadline=5.0).limits().deadline == 5.0
    assert case().limits() == Limits(deadline=60.0, spent=1.0)


def test_what_the_headers_ask_for_becomes_part_of_the_request() -> None:
    made = case(max_cost=5, session="s")
    made.read()
    assert (made.request.routing.max_cost, made.request.routing.session_id) == (5, "s")


def test_a_caller_who_left_is_cancelled_and_all_else_failed() -> None:
    made = case()
    made.fail(InvalidRequest("no"))
    assert (made.outcome, made.status, made.error) == ("failed", 400, "invalid_request")
    made.fail(CallerLeft("gone"))
    assert (made.outcome, made.status, made.error) == ("cancelled", 499, "caller_left")


@pytest.mark.parametrize("stream", [False, True])
def test_content_is_kept_only_where_that_is_switched_on(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        for switched_on in (False, True):
            folder = tmp_path / str(switched_on)
            folder.mkdir()
            async with serving(
                folder, streams("Hel", "lo") if stream else answers("Hello"), log_content=switched_on
            ) as (home, _):
                await home.chat(body=json.dumps({**BODY, "stream": stream}).encode()).done()
                row = home.row()
                assert (row.prompt, row.answer) == (("a prompt", "Hello") if switched_on else (None, None))

    asyncio.run(scene())


def test_what_is_known_before_anybody_answers_is_said_then() -> None:
    names = {name.decode() for name, _ in case().early_head()}
    assert names == {
        "content-type",
        "cache-control",
        "x-gearshift-exchange-id",
        "x-gearshift-cache",
        "x-gearshift-policy",
    }
