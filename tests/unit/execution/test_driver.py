"""Fallback, shown through the whole gateway: real sockets, the real driver, the real log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gearshift.execution import health
from gearshift.execution.bounds import Limits
from gearshift.execution.credentials import Credentials
from gearshift.protocols.sse import MAX_LINE
from gearshift.types.catalog import Deployment, Provider
from tests.fakes.asgi import Visit
from tests.fakes.house import LIMITS, House, house, served_by
from tests.fakes.nouns import deployment, provider
from tests.fakes.upstream import (
    DONE,
    Scene,
    ScriptedUpstream,
    Then,
    answers,
    closed_port,
    completion,
    deaf_port,
    event,
    http,
    refuses,
    says,
    sends,
    stream_events,
    streams,
)

QUICK = msgspec.structs.replace(LIMITS, connect_timeout=0.1, first_token_timeout=0.1, answer_timeout=0.1)


@asynccontextmanager
async def two(
    folder: Path, first: Scene, *second: Scene, limits: Limits = QUICK
) -> AsyncIterator[tuple[House, ScriptedUpstream, ScriptedUpstream]]:
    """Serve `small` first, then `large`."""
    async with (
        ScriptedUpstream(first) as one,
        ScriptedUpstream(*second) as other,
        house(folder, served_by(one, "small"), served_by(other, "large"), limits=limits) as home,
    ):
        yield home, one, other


def attempts(home: House) -> list[dict[str, Any]]:
    """Give the attempts of the one exchange in the log."""
    found: list[dict[str, Any]] = json.loads(home.row().attempts)
    return found


def shows_fallback(home: House, visit: Visit, *, stream: bool) -> dict[str, Any]:
    """Check that `large` answered after `small` had failed; give the failed attempt."""
    assert (visit.status, visit.headers["x-gearshift-model"]) == (200, "large")
    assert visit.headers["x-gearshift-attempts"] == "2"
    if stream:
        assert visit.text == "from large"
        assert visit.ended_well
        assert {each["model"] for each in visit.events} == {"large"}
    else:
        assert visit.json["choices"][0]["message"]["content"] == "from large"
        assert visit.json["model"] == "large"
    first, second = attempts(home)
    assert (first["model"], second["model"], second["error"]) == ("small", "large", None)
    row = home.row()
    assert (row.model, row.outcome, row.status, row.error) == ("large", "completed", 200, None)
    return first


def good(*, stream: bool) -> Scene:
    return streams("from ", "large") if stream else answers("from large")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 408, 410, 421, 429, 500, 502, 503, 529, 204, 307])
def test_an_error_status_leads_to_the_next(tmp_path: Path, status: int, stream: bool) -> None:
    async def scene() -> None:
        async with two(tmp_path, refuses(status), good(stream=stream)) as (home, _, _):
            visit = await home.chat(stream=stream).done()
            first = shows_fallback(home, visit, stream=stream)
            assert (first["status"], first["billing"], first["cost_usd"]) == (status, "not_billed", 0)

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_connection_leads_to_the_next(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(good(stream=stream)) as other:
            dead = deployment("small", provider("dead", f"http://127.0.0.1:{closed_port()}/v1"))
            async with house(tmp_path, dead, served_by(other, "large")) as home:
                first = shows_fallback(home, await home.chat(stream=stream).done(), stream=stream)
                assert (first["error"], first["billing"]) == ("upstream_unreachable", "not_sent")

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_that_is_not_made_in_time_leads_to_the_next(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        with deaf_port() as port:
            async with ScriptedUpstream(good(stream=stream)) as other:
                deaf = deployment("small", provider("deaf", f"http://127.0.0.1:{port}/v1"))
                limits = msgspec.structs.replace(LIMITS, connect_timeout=0.1)
                async with house(tmp_path, deaf, served_by(other, "large"), limits=limits) as home:
                    first = shows_fallback(home, await home.chat(stream=stream).done(), stream=stream)
                    assert (first["error"], first["billing"]) == ("upstream_timeout", "not_sent")
                    assert "no connection within 0.1 s" in first["detail"]

    asyncio.run(scene())


PINGS: list[bytes | float] = [b": ping\n\n", 0.03]
SILENT = [
    pytest.param(says(b""), id="no head"),
    pytest.param(sends(then="hang"), id="a head only"),
    pytest.param(sends(event({"role": "assistant", "content": ""}), then="hang"), id="a role only"),
    pytest.param(sends(*PINGS * 100, then="hang"), id="pings only"),
]


@pytest.mark.parametrize("silent", SILENT)
def test_a_stream_without_content_in_time_leads_to_the_next_and_is_closed(tmp_path: Path, silent: Scene) -> None:
    async def scene() -> None:
        async with two(tmp_path, silent, good(stream=True)) as (home, one, _):
            first = shows_fallback(home, await home.chat(stream=True).done(), stream=True)
            assert first["error"] == "upstream_timeout"
            assert "no content within 0.1 s" in first["detail"]
            assert first["billing"] == "maybe_billed"
            await asyncio.wait_for(one.log[0].gone.wait(), 1.0)

    asyncio.run(scene())


def test_a_whole_answer_that_takes_too_long_leads_to_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        async with two(tmp_path, says(b""), good(stream=False)) as (home, one, _):
            first = shows_fallback(home, await home.chat().done(), stream=False)
            assert "no whole answer within 0.1 s" in first["detail"]
            await asyncio.wait_for(one.log[0].gone.wait(), 1.0)

    asyncio.run(scene())


JSON = "content-type: application/json"
HTML = b"<html><body>Bad gateway, but 200</body></html>"
BODY = completion()
BROKEN_ANSWERS = [
    pytest.param(says(b"", "close"), id="EOF before the head"),
    pytest.param(says(b"", "reset"), id="reset before the head"),
    pytest.param(says(b"not http\r\n\r\n", "close"), id="no HTTP"),
    pytest.param(says(http(HTML, "content-type: text/html", f"content-length: {len(HTML)}"), "keep"), id="HTML"),
    pytest.param(says(http(b"", JSON, "content-length: 0"), "keep"), id="empty"),
    pytest.param(says(http(BODY, JSON, f"content-length: {len(BODY) + 9}"), "close"), id="too short for its length"),
    pytest.param(says(http(BODY, JSON, f"content-length: {len(BODY) - 9}"), "keep"), id="too long for its length"),
    pytest.param(says(http(b"[]", JSON, "content-length: 2"), "keep"), id="no object"),
    pytest.param(says(http(b"{}", JSON, "content-length: 2"), "keep"), id="no choices"),
    pytest.param(sends(b'{"id":', then="close", content_type="application/json"), id="cut chunked"),
    pytest.param(says(http(b'{"error":{"message":"x"}}', JSON, "content-length: 25"), "keep"), id="an error in a 200"),
]


@pytest.mark.parametrize("broken", BROKEN_ANSWERS)
def test_an_answer_that_is_none_leads_to_the_next(tmp_path: Path, broken: Scene) -> None:
    async def scene() -> None:
        async with two(tmp_path, broken, good(stream=False), limits=LIMITS) as (home, _, _):
            first = shows_fallback(home, await home.chat().done(), stream=False)
            assert first["error"] in {"upstream_invalid", "upstream_stream_broken", "upstream_unreachable"}
            assert first["billing"] == "maybe_billed"

    asyncio.run(scene())


ROLE = event({"role": "assistant", "content": ""})
BROKEN_STREAMS = [
    pytest.param(says(b"", "close"), id="EOF before the head"),
    pytest.param(says(http(HTML, "content-type: text/html", f"content-length: {len(HTML)}"), "keep"), id="HTML"),
    pytest.param(answers(), id="JSON where a stream was asked for"),
    pytest.param(sends(then="end"), id="empty"),
    pytest.param(sends(DONE, then="end"), id="a terminator only"),
    pytest.param(sends(ROLE, then="end"), id="ended before content"),
    pytest.param(sends(ROLE, then="close"), id="cut before content"),
    pytest.param(sends(ROLE, then="reset"), id="reset before content"),
    pytest.param(sends(b'data: {"error":{"message":"oh no"}}\n\n', then="end"), id="an error event"),
    pytest.param(sends(ROLE, event({}, "error"), DONE, then="end"), id="finish reason error"),
    pytest.param(sends(*[b"data: {broken\n\n"] * 9, then="end"), id="broken events"),
    pytest.param(sends(b"data: " + b"x" * MAX_LINE, then="hang"), id="an endless event"),
]


@pytest.mark.parametrize("broken", BROKEN_STREAMS)
def test_a_stream_that_breaks_before_its_content_leads_to_the_next(tmp_path: Path, broken: Scene) -> None:
    async def scene() -> None:
        async with two(tmp_path, broken, good(stream=True), limits=LIMITS) as (home, _, _):
            first = shows_fallback(home, await home.chat(stream=True).done(), stream=True)
            assert first["error"] in {"upstream_invalid", "upstream_stream_broken", "upstream_unreachable"}

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 415, 422])
def test_the_caller_s_own_fault_is_not_tried_elsewhere(tmp_path: Path, status: int, stream: bool) -> None:
    async def scene() -> None:
        async with two(tmp_path, refuses(status, "messages: too odd"), good(stream=stream)) as (home, _, other):
            visit = await home.chat(stream=stream).done()
            assert (visit.status, visit.json["error"]["code"]) == (status, "upstream_rejected")
            assert "messages: too odd" in visit.json["error"]["message"]
            assert other.log == []
            row = home.row()
            assert (row.outcome, row.status, row.error, row.cost) == ("failed", status, "upstream_rejected", 0)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "upstream_overloaded"),
        ('{"error":{"code":502,"message":"Provider disconnected"}}', "upstream_refused"),
        ('{"error":{"code":401,"message":"bad key"}}', "upstream_auth"),
    ],
)
@pytest.mark.parametrize("before", [b"", ROLE, ROLE + b": ping\n\n"])
def test_an_error_behind_a_200_is_taken_for_the_status_that_it_names(
    tmp_path: Path, said: str, code: str, before: bytes
) -> None:
    async def scene() -> None:
        broken = sends(before + b"data: " + said.encode() + b"\n\n", then="end")
        async with two(tmp_path, broken, good(stream=True), limits=LIMITS) as (home, _, _):
            first = shows_fallback(home, await home.chat(stream=True).done(), stream=True)
            assert (first["error"], first["billing"]) == (code, "not_billed")

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_in_place_of_an_answer_is_taken_for_the_status_that_it_names(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        body = b'{"error":{"code":429,"message":"Please try again in 3.2s."}}'
        said = says(http(body, f"content-length: {len(body)}"))
        async with two(tmp_path, said, said) as (home, _, _):
            visit = await home.chat(stream=stream).done()
            assert (visit.status, visit.json["error"]["code"]) == (429, "upstream_rate_limited")
            assert visit.headers["retry-after"] == "4"

    asyncio.run(scene())


def test_our_empty_purse_is_not_the_caller_s_fault(tmp_path: Path) -> None:
    async def scene() -> None:
        spent = refuses(400, "Your credit balance is too low to access the Anthropic API.")
        async with two(tmp_path, spent, spent) as (home, _, _):
            visit = await home.chat().done()
            assert (visit.status, visit.json["error"]["code"]) == (502, "upstream_auth")
            assert "credit balance" not in visit.json["error"]["message"]

    asyncio.run(scene())


def test_after_content_was_sent_nobody_else_is_tried(tmp_path: Path) -> None:
    async def scene() -> None:
        broken = sends(ROLE, event({"content": "Hel"}), then="close")
        async with two(tmp_path, broken, good(stream=True)) as (home, _, other):
            visit = await home.chat(stream=True).done()
            assert (visit.status, visit.text) == (200, "Hel")
            assert not visit.ended_well
            assert other.log == []

    asyncio.run(scene())


def many(upstream: ScriptedUpstream, count: int) -> list[Deployment]:
    return [served_by(upstream, f"m{number}") for number in range(count)]


@pytest.mark.parametrize("stream", [False, True])
def test_no_more_than_max_attempts(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(refuses(500, "no luck")) as upstream:
            limits = msgspec.structs.replace(LIMITS, max_attempts=3)
            async with house(tmp_path, *many(upstream, 5), limits=limits) as home:
                visit = await home.chat(stream=stream).done()
                assert (visit.status, visit.headers["x-gearshift-attempts"]) == (502, "3")
                assert visit.headers["content-type"] == "application/json"
                assert [each["model"] for each in attempts(home)] == ["m0", "m1", "m2"]
                assert [each["id"] for each in attempts(home)] == ["gx-1-1", "gx-1-2", "gx-1-3"]
                assert len(upstream.log) == 3

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("headers", "allow"),
    [({"x-gearshift-no-fallback": "true"}, True), ({}, False)],
)
def test_a_caller_may_forbid_fallback(tmp_path: Path, headers: dict[str, str], allow: bool) -> None:
    async def scene() -> None:
        async with two(tmp_path, refuses(500), good(stream=False)) as (home, _, other):
            visit = await home.chat(headers=headers, provider={"allow_fallbacks": allow}).done()
            assert (visit.status, visit.headers["x-gearshift-attempts"]) == (502, "1")
            assert other.log == []

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_the_deadline_bounds_all_attempts_together(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(says(b"")) as upstream:
            limits = msgspec.structs.replace(LIMITS, first_token_timeout=0.15, answer_timeout=0.15, deadline=0.25)
            async with house(tmp_path, *many(upstream, 3), limits=limits) as home:
                visit = await home.chat(stream=stream).done()
                assert (visit.status, visit.json["error"]["code"]) == (504, "deadline_exceeded")
                assert "0.25 s" in visit.json["error"]["message"]
                assert len(upstream.log) == 2
                assert 0.2 < home.row().duration < 0.6

    asyncio.run(scene())


def test_the_caller_s_own_deadline_is_tighter_never_looser(tmp_path: Path) -> None:
    async def scene() -> None:
        async with two(tmp_path, says(b""), says(b"")) as (home, _, _):
            visit = await home.chat(headers={"x-gearshift-timeout-ms": "50"}).done()
            assert visit.json["error"]["code"] == "deadline_exceeded"
            assert "0.05 s" in visit.json["error"]["message"]
            visit = await home.chat(headers={"x-gearshift-timeout-ms": "999999999"}).done()
            assert visit.json["error"]["code"] == "upstream_timeout"

    asyncio.run(scene())


def test_when_all_are_rate_limited_the_caller_learns_when_to_come_back(tmp_path: Path) -> None:
    async def scene() -> None:
        async with two(tmp_path, refuses(429), refuses(429, "slow down", "retry-after: 6.2")) as (home, _, _):
            visit = await home.chat().done()
            assert (visit.status, visit.json["error"]["code"]) == (429, "upstream_rate_limited")
            assert visit.headers["retry-after"] == "7"
            assert (visit.headers["retry-after-ms"], visit.headers["x-should-retry"]) == ("6200", "true")

    asyncio.run(scene())


@pytest.mark.parametrize("odd", ["soon", "-1", "1e9", "0", "Wed, 21 Oct 2015 07:28:00 GMT", "7, 8"])
def test_a_retry_after_that_asks_for_no_wait_is_not_passed_on(tmp_path: Path, odd: str) -> None:
    async def scene() -> None:
        async with two(tmp_path, refuses(429), refuses(429, "no", f"retry-after: {odd}")) as (home, _, _):
            visit = await home.chat().done()
            assert visit.status == 429
            assert "retry-after" not in visit.headers
            assert visit.headers["x-should-retry"] == "false"

    asyncio.run(scene())


RESCUE = msgspec.structs.replace(LIMITS, rescue=True)


def rescued(visit: Visit) -> None:
    """Check that the caller got the whole text, once, and a proper end."""
    assert (visit.status, visit.text) == (200, "The whole answer, told.")
    assert visit.ended_well
    assert len({each["id"] for each in visit.events}) == 1


CUT: list[Then] = ["end", "reset"]


@pytest.mark.parametrize("then", CUT)
def test_a_stream_that_is_cut_is_gone_on_with_by_another(tmp_path: Path, then: Then) -> None:
    async def scene() -> None:
        first = sends(*stream_events("The whole ", "answ", done=False)[:3], then=then)
        async with two(tmp_path, first, streams("The whole answer", ", told."), limits=RESCUE) as (home, _, _):
            visit = await home.chat(stream=True).done()
            rescued(visit)
            broken, second = attempts(home)
            assert (broken["model"], broken["purpose"], broken["error"]) == (
                "small",
                "answer",
                "upstream_stream_broken",
            )
            assert (broken["billing"], broken["usage_estimated"]) == ("billed", True)
            assert (second["model"], second["purpose"], second["error"]) == ("large", "resume", None)
            row = home.row()
            assert (row.outcome, row.status, row.error, row.model) == ("completed", 200, None, "large")
            assert visit.events[-1]["usage"]["completion_tokens"] == second["output_tokens"]
            assert visit.events[-1]["model"] == "large"

    asyncio.run(scene())


def test_a_stream_that_stalls_is_gone_on_with_by_another(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(RESCUE, stall_timeout=0.1)
        first = sends(*stream_events("The whole ", "answ", done=False)[:3], then="hang")
        async with two(tmp_path, first, streams("The whole answer, told."), limits=limits) as (home, _, _):
            rescued(await home.chat(stream=True).done())

    asyncio.run(scene())


def test_a_target_without_another_goes_on_itself(tmp_path: Path) -> None:
    async def scene() -> None:
        first = sends(*stream_events("The whole ", done=False)[:2])
        async with (
            ScriptedUpstream(first, streams("The whole answer, told.")) as one,
            house(tmp_path, served_by(one, "small"), limits=RESCUE) as home,
        ):
            rescued(await home.chat(stream=True).done())
            assert [each["purpose"] for each in attempts(home)] == ["answer", "resume"]

    asyncio.run(scene())


def test_another_answer_is_not_mixed_in(tmp_path: Path) -> None:
    async def scene() -> None:
        first = sends(*stream_events("The whole ", "answ", done=False)[:3])
        async with two(tmp_path, first, streams("The other answer."), limits=RESCUE) as (home, _, _):
            visit = await home.chat(stream=True).done()
            assert visit.text == "The whole answ"
            assert not visit.ended_well
            assert visit.events[-1]["error"]["code"] == "upstream_stream_broken"
            row = home.row()
            assert (row.outcome, row.status, row.error) == ("failed", 502, "upstream_stream_broken")
            assert [each["error"] for each in attempts(home)] == ["upstream_stream_broken"] * 2

    asyncio.run(scene())


def test_without_rescue_a_cut_stream_ends_in_an_error(tmp_path: Path) -> None:
    async def scene() -> None:
        first = sends(*stream_events("The whole ", done=False)[:2])
        async with two(tmp_path, first, streams("The whole answer, told."), limits=LIMITS) as (home, _, _):
            visit = await home.chat(stream=True).done()
            assert (visit.text, visit.ended_well) == ("The whole ", False)
            assert len(attempts(home)) == 1

    asyncio.run(scene())


RETRYING = msgspec.structs.replace(RESCUE, retries=1)


def test_a_target_that_fails_once_answers_after_all(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(refuses(500), answers("Hello")) as one,
            ScriptedUpstream(answers("from large")) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large"), limits=RETRYING) as home,
        ):
            visit = await home.chat().done()
            assert (visit.status, visit.headers["x-gearshift-model"]) == (200, "small")
            assert [(each["model"], each["status"]) for each in attempts(home)] == [("small", 500), ("small", 200)]
            assert len(other.log) == 0

    asyncio.run(scene())


def test_a_wait_that_the_upstream_asks_for_is_kept_to(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(refuses(429, "slow", "retry-after-ms: 150"), answers("Hello")) as one,
            house(tmp_path, served_by(one, "small"), limits=RETRYING) as home,
        ):
            assert (await home.chat().done()).status == 200
            first, second = attempts(home)
            assert second["started_s"] - first["ended_s"] >= 0.15

    asyncio.run(scene())


def test_in_an_outage_nobody_is_asked_in_vain_and_a_recovery_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REST", 0.3)
    limits = msgspec.structs.replace(LIMITS, deadline=0.2)

    async def scene() -> None:
        async with (
            ScriptedUpstream(*[refuses(503)] * health.IN_A_ROW, answers("Hello")) as one,
            house(tmp_path, served_by(one, "small"), limits=limits, health=health.Health()) as home,
        ):
            failed = [await home.chat().done() for _ in range(health.IN_A_ROW)]
            assert {visit.status for visit in failed} == {502}
            turned_away = await home.chat().done()
            assert (turned_away.status, turned_away.json["error"]["code"]) == (503, "no_healthy_deployment")
            assert len(one.log) == health.IN_A_ROW
            await asyncio.sleep(0.3)
            assert (await home.chat().done()).status == 200

    asyncio.run(scene())


def test_who_rests_is_not_chosen_and_the_decision_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(refuses(503)) as one,
            ScriptedUpstream(answers("from large")) as other,
            house(
                tmp_path, served_by(one, "small"), served_by(other, "large"), limits=LIMITS, health=health.Health()
            ) as home,
        ):
            visits = [await home.chat(headers={"x-gearshift-metadata": "enabled"}).done() for _ in range(7)]
            assert {visit.status for visit in visits} == {200}
            assert len(one.log) == health.IN_A_ROW
            decided = visits[-1].json["gearshift"]["decision"]
            assert decided["chosen"] == "at-large/large"
            assert [(each["deployment"], each["reason"]) for each in decided["rejected"]] == [
                ("at-small/small", "unhealthy")
            ]

    asyncio.run(scene())


@pytest.mark.parametrize("in_band", [False, True])
def test_who_does_not_believe_us_is_asked_again_with_another_proof(
    in_band: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def renewed(_: Credentials, at: Provider) -> bool:
        asked.append(at.id)
        return True

    monkeypatch.setattr(Credentials, "refused", renewed)
    no = {"error": {"message": "who are you?", "code": 401}}
    first = sends(b"data: " + json.dumps(no).encode() + b"\n\n") if in_band else refuses(401)

    async def scene() -> None:
        async with (
            ScriptedUpstream(first, streams("Hello")) as one,
            house(tmp_path, served_by(one, "small"), limits=msgspec.structs.replace(QUICK, retries=1)) as home,
        ):
            visit = await home.chat(stream=True).done()
            assert (visit.status, visit.text) == (200, "Hello")
            assert [each["error"] for each in attempts(home)] == ["upstream_auth", None]

    asyncio.run(scene())
    assert asked == ["at-small"]
