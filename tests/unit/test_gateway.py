"""One request from its bytes to its row: exactly one row, whatever its end."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from gearshift import telemetry
from gearshift.errors import NoCandidate
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proxied import AiohttpUpstream
from gearshift.execution.speeds import ENOUGH
from gearshift.execution.upstream import Upstream
from gearshift.gateway import Gateway
from gearshift.protocols.openai_chat import codec
from gearshift.routing.router import Router, RouterTable
from gearshift.routing.rules import compile_rule
from gearshift.storage.store import Row
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate, WillingnessToPay
from tests.fakes.asgi import Visit
from tests.fakes.house import CHAT, MAX_BODY, House, house, served_by, serving
from tests.fakes.nouns import PRICE, deployment, provider
from tests.fakes.upstream import Scene, ScriptedUpstream, answers, event, refuses, says, sends, streams

KEY = "sk-virtual"
GOOD = {"authorization": f"Bearer {KEY}"}


def error(visit: Visit) -> str:
    code: str = visit.json["error"]["code"]
    return code


def body(text: str = "Hi", **fields: object) -> bytes:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}], **fields}).encode()


REFUSED = [
    pytest.param(lambda home: home.chat(headers={}), 401, "invalid_api_key", id="no key"),
    pytest.param(lambda home: home.chat(headers={"x-api-key": "other"}), 401, "invalid_api_key", id="unknown key"),
    pytest.param(lambda home: home.chat("smal", headers=GOOD), 404, "model_not_found", id="unknown model"),
    pytest.param(lambda home: home.chat(body=b"{", headers=GOOD), 400, "invalid_request", id="malformed JSON"),
    pytest.param(lambda home: home.chat(body=b"", headers=GOOD), 400, "invalid_request", id="empty body"),
    pytest.param(lambda home: home.chat(body=b"\xff\xfe", headers=GOOD), 400, "invalid_request", id="no text"),
    pytest.param(lambda home: home.chat(body=b"[]", headers=GOOD), 400, "invalid_request", id="no object"),
    pytest.param(lambda home: home.chat(body=b'{"model":1}', headers=GOOD), 400, "invalid_request", id="wrong type"),
    pytest.param(
        lambda home: home.chat(body=body(odd=json.loads("[" * 500 + "]" * 500)), headers=GOOD),
        400,
        "invalid_request",
        id="deep nesting",
    ),
    pytest.param(
        lambda home: home.chat(body=b'{"a":' * 100_000, headers=GOOD), 400, "invalid_request", id="very deep nesting"
    ),
    pytest.param(
        lambda home: home.chat(body=[b"x" * (1 << 20)] * 11, headers=GOOD), 413, "request_too_large", id="11 MiB"
    ),
    pytest.param(
        lambda home: home.chat(headers={**GOOD, "content-encoding": "gzip"}), 400, "invalid_request", id="compressed"
    ),
    pytest.param(
        lambda home: home.chat(headers={**GOOD, "x-gearshift-timeout-ms": "soon"}), 400, "invalid_request", id="header"
    ),
    pytest.param(
        lambda home: home.chat(headers=GOOD, tools=[{"type": "function", "function": {"name": "f"}}]),
        422,
        "no_candidate",
        id="nobody fits",
    ),
]


@pytest.mark.parametrize(("ask", "status", "code"), REFUSED)
def test_a_refused_request_leaves_one_row_and_reaches_no_upstream(
    tmp_path: Path, ask: Callable[[House], Visit], status: int, code: str
) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(), keys=[KEY]) as (home, upstream):
            visit = await ask(home).done()
            assert (visit.status, error(visit)) == (status, code)
            more = {"metadata"} if status == 422 else set()
            assert visit.json["error"].keys() == {"message", "type", "param", "code"} | more
            assert visit.headers["x-gearshift-exchange-id"] == "gx-1"
            row = home.row()
            assert (row.id, row.outcome, row.status, row.error) == ("gx-1", "failed", status, code)
            assert (row.cost, row.attempts, row.path) == (0, "[]", "/v1/chat/completions")
            assert upstream.log == []
            assert (await home.chat(headers=GOOD).done()).status == 200

    asyncio.run(scene())


def test_an_unknown_model_names_close_matches(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat("smol").done()
            assert visit.status == 404
            assert "small" in visit.json["error"]["message"]
            assert visit.json["error"]["param"] == "model"

    asyncio.run(scene())


def test_when_nobody_fits_every_rejection_is_listed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat(tools=[{"type": "function", "function": {"name": "f"}}]).done()
            assert visit.status == 422
            assert "at-small/small: capability_unknown" in visit.json["error"]["message"]

    asyncio.run(scene())


def test_eleven_mebibytes_are_refused_before_they_are_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            declared = home.chat(body=[b"x" * (1 << 20)] * 11, headers={"content-length": str(11 << 20)})
            assert (await declared.done()).status == 413
            assert declared.taken == 0
            chunked = home.chat(body=[b"x" * (1 << 20)] * 20)
            assert (await chunked.done()).status == 413
            assert chunked.taken == 11 << 20
            assert len(home.rows()) == 2

    asyncio.run(scene())


def test_a_body_at_the_limit_is_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            whole = body("x" * (MAX_BODY - len(body(""))))
            assert len(whole) == MAX_BODY
            pieces = [whole[start : start + (1 << 16)] for start in range(0, MAX_BODY, 1 << 16)]
            assert (await home.chat("small", body=pieces).done()).status == 200
            assert len(upstream.log[0].body) > MAX_BODY - 100

    asyncio.run(scene())


def test_a_caller_who_leaves_before_its_body_is_complete_leaves_a_row(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, upstream):
            visit = Visit(home.app, CHAT, method="POST", body=b'{"model":', cut=True).start()
            visit.leave()
            await visit.done()
            row = home.row()
            assert (row.outcome, row.status, row.error) == ("cancelled", 499, "caller_left")
            assert (visit.status, upstream.log) == (0, [])

    asyncio.run(scene())


ENDS = [
    pytest.param(answers(), False, ("completed", 200), id="whole"),
    pytest.param(streams("a"), True, ("completed", 200), id="stream"),
    pytest.param(refuses(500), False, ("failed", 502), id="refused"),
    pytest.param(refuses(400), True, ("failed", 400), id="the caller's fault"),
    pytest.param(says(b"", "reset"), False, ("failed", 502), id="reset"),
    pytest.param(sends(event({"content": "a"}), then="close"), True, ("failed", 502), id="cut"),
]


@pytest.mark.parametrize(("play", "stream", "end"), ENDS)
@pytest.mark.parametrize("client", [Http1Upstream, AiohttpUpstream])
def test_every_end_leaves_one_row_and_nothing_in_flight(
    tmp_path: Path, play: Scene, stream: bool, end: tuple[str, int], client: Callable[[], Upstream]
) -> None:
    async def scene() -> None:
        async with serving(tmp_path, play, upstream=client()) as (home, _):
            await home.chat(stream=stream).done()
            row = home.row()
            assert ((row.outcome, row.status), row.stream) == (end, stream)
            assert json.loads(row.attempts)[0]["id"] == "gx-1-1"
            assert home.metric("gearshift_in_flight") == 0

    asyncio.run(scene())


def test_a_hundred_at_once_leave_a_hundred_rows(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a", "b")) as (home, _):
            visits = [home.chat(stream=True).start() for _ in range(100)]
            await asyncio.gather(*(visit.done() for visit in visits))
            assert all(visit.ended_well for visit in visits)
            rows = home.rows()
            assert len({row.id for row in rows}) == 100
            assert {row.outcome for row in rows} == {"completed"}

    asyncio.run(scene())


def break_decide(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def broken(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Gateway, "decide", broken)


def test_our_own_bug_is_a_500_that_tells_nothing_and_leaves_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_decide(monkeypatch, KeyError("a secret prompt"))

    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat().done()
            assert (visit.status, error(visit)) == (500, "internal_error")
            assert "KeyError" in visit.json["error"]["message"]
            assert b"secret" not in visit.body
            row = home.row()
            assert (row.outcome, row.status, row.error) == ("failed", 500, "internal_error")

    asyncio.run(scene())
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "gateway_error"
    assert vars(record)["fields"] == {"id": "gx-1"}


def test_a_prompt_that_fits_no_window_is_refused_as_a_provider_does(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers("Hi")) as upstream:
            small = deployment("small", provider("lab", upstream.base_url), price=PRICE, context_window=100)
            async with house(tmp_path, small) as home:
                said = [{"role": "user", "content": "word " * 500}]
                visit = await home.chat(messages=said).done()
                error = visit.json["error"]
                assert (visit.status, error["code"]) == (400, "context_length_exceeded")
                assert re.match(r"prompt is too long: [0-9]{3} tokens > 100 maximum: ", error["message"])
                assert [each["reason"] for each in error["metadata"]["rejected"]] == ["context_window"]
                dry = await home.post("/v1/route", {"model": "auto", "messages": said}).done()
                assert (dry.status, dry.json["error"]["code"]) == (400, "context_length_exceeded")
                assert upstream.log == []

    asyncio.run(scene())


def test_a_request_that_nobody_fits_is_refused_with_its_decision(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, upstream):
            headers = {"x-gearshift-max-cost-usd": "0", "x-gearshift-metadata": "enabled"}
            visit = await home.chat(headers=headers).done()
            assert (visit.status, visit.json["error"]["code"]) == (422, "no_candidate")
            told = visit.json["gearshift"]
            assert (told["router"], told["decision"]["chosen"]) == ("auto", None)
            assert [each["reason"] for each in told["decision"]["rejected"]] == ["max_cost"]
            why = visit.json["error"]["metadata"]
            assert (why["router"], why["objective"], why["rejected"]) == ("auto", None, told["decision"]["rejected"])
            assert visit.headers["x-gearshift-router"] == "auto"
            assert visit.headers["x-gearshift-reason"] == "no_candidate"
            row = home.row()
            assert (row.router, row.reason, row.error, row.cost) == ("auto", "no_candidate", "no_candidate", 0)
            assert json.loads(row.decision or "")["rejected"] == told["decision"]["rejected"]
            labels = {"router": "auto", "policy": "fixed", "chosen": "none", "reason": "no_candidate"}
            assert home.metric("gearshift_decisions_total", **labels) == 1
            assert upstream.log == []

    asyncio.run(scene())


def test_an_error_says_who_was_asked_last(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(503)) as (home, _):
            visit = await home.chat().done()
            assert visit.status == 502
            assert (visit.headers["x-gearshift-model"], visit.headers["x-gearshift-provider"]) == ("small", "at-small")

    asyncio.run(scene())


def test_an_error_on_purpose_in_deciding_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_decide(monkeypatch, NoCandidate("nobody"))

    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            assert (await home.chat().done()).status == 422

    asyncio.run(scene())


def test_our_own_bug_after_the_head_ends_a_stream_in_band(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gearshift.case.Case.edits", broken)

    async def scene() -> None:
        async with serving(tmp_path, streams("Hello")) as (home, upstream):
            visit = await home.chat(stream=True).done()
            assert (visit.status, visit.text) == (200, "Hello")
            assert visit.events[-1]["error"]["code"] == "internal_error"
            assert b"[DONE]" not in visit.body
            row = home.row()
            assert (row.outcome, row.error, len(json.loads(row.attempts))) == ("failed", "internal_error", 1)
            assert len(upstream.log) == 1

    asyncio.run(scene())


def test_an_error_in_a_stream_whose_events_are_numbered_is_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gearshift.case.Case.edits", broken)

    async def scene() -> None:
        async with serving(tmp_path, streams("Hello", " again")) as (home, _):
            visit = await home.post("/v1/responses", {"model": "auto", "input": "Hi", "stream": True}).done()
            *before, last = visit.events
            assert (last["type"], last["code"]) == ("error", "internal_error")
            assert last["sequence_number"] == before[-1]["sequence_number"] + 1

    asyncio.run(scene())


def test_our_own_bug_before_the_head_is_a_500(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gearshift.case.Case.head", broken)

    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            visit = await home.chat().done()
            assert (visit.status, error(visit)) == (500, "internal_error")
            assert len(json.loads(home.row().attempts)) == 1

    asyncio.run(scene())


def test_a_bug_in_the_middle_of_a_call_is_its_attempt_s_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gearshift.protocols.openai_chat.OpenAIChat.peek_response", broken)

    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            assert (await home.chat().done()).status == 500
            (made,) = json.loads(home.row().attempts)
            assert (made["error"], made["billing"]) == ("internal_error", "maybe_billed")

    asyncio.run(scene())


def test_deciding_calls_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, upstream):
            visit = await home.post("/v1/route", json.loads(body())).done()
            assert (visit.json["chosen"], visit.json["task"]) == ("at-small/small", "chat")
            assert (upstream.log, home.rows()) == ([], [])

    asyncio.run(scene())


def test_a_floor_is_asked_for_by_name(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat("small:floor").done()
            assert (visit.status, visit.json["model"]) == (200, "small")
            assert home.row().requested_model == "small:floor"

    asyncio.run(scene())


def test_deciding_knows_how_fast_deployments_have_been(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            asked = json.loads(body(provider={"sort": "throughput"}))
            before = await home.post("/v1/route", asked).done()
            for _ in range(ENOUGH):
                assert (await home.chat().done()).status == 200
            after = await home.post("/v1/route", asked).done()
            assert before.json["detail"].startswith("sorted by throughput, which is not known of at-small/small")
            assert after.json["detail"] == ""

    asyncio.run(scene())


def test_what_the_caller_called_the_model_is_kept_but_not_at_any_length(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.chat("x" * 100_000).done()
            assert visit.status in {400, 404}
            assert len(visit.body) < 2000
            assert len(home.row().requested_model) <= 200

    asyncio.run(scene())


def test_the_session_of_a_request_is_kept(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            await home.chat(headers={"x-session-id": "from-header"}).done()
            await home.chat(session_id="from-body").done()
            sessions: list[Row] = home.rows()
            assert {row.session for row in sessions} == {"from-header", "from-body"}

    asyncio.run(scene())


class _Slow(Struct):
    """Forecast after a while, or fail then."""

    fails: bool
    version: str = "slow"

    def predict(self, _request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        time.sleep(telemetry.SLOW_DECISION * 1.5)
        if self.fails:
            raise FloatingPointError
        return [Estimate(quality=0.5, quality_std=0.1, cost=1, output_tokens=1.0) for _ in deployments]


@pytest.mark.parametrize(("fails", "reason"), [(False, "objective"), (True, "degraded")])
def test_a_slow_or_failing_predictor_is_counted_and_fails_no_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fails: bool, reason: str
) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers(), answers()) as upstream:
            deployments = (served_by(upstream, "small"), served_by(upstream, "large"))
            async with house(tmp_path, *deployments) as home:
                objective = WillingnessToPay(usd=1.0)
                router = Router(name="auto", deployments=deployments, objective=objective, predictor=_Slow(fails))
                table = RouterTable({"auto": router}, {})
                home.gateway.world = msgspec.structs.replace(home.gateway.world, routers=table)
                visit = await home.chat().done()
                assert (visit.status, visit.headers["x-gearshift-reason"]) == (200, reason)
                assert home.metric("gearshift_slow_decisions_total", router="auto") == 1

    asyncio.run(scene())
    assert [record.message for record in caplog.records].count("slow_decision") == 1


def test_a_world_is_replaced_as_a_whole_for_the_requests_to_come(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(says(b"")) as one, ScriptedUpstream(answers()) as other:
            old: Deployment = served_by(one, "small")
            new = served_by(other, "large")
            fresh = tmp_path / "fresh"
            fresh.mkdir()
            async with house(tmp_path, old) as home, house(fresh, new) as next_home:
                first = home.chat().start()
                await one.request()
                home.gateway.world = next_home.gateway.world
                assert (await home.chat().done()).headers["x-gearshift-model"] == "large"
                first.leave()
                await first.done()
                assert [row.deployment for row in home.rows()] == [None, "at-large/large"]

    asyncio.run(scene())


def test_a_rules_router_without_a_rule_that_matches_leaves_a_decision_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, upstream):
            astray = Router(name="rules", rules=(compile_rule({"stream": True}, "small", "routers.rules.rules[0]"),))
            table = RouterTable({"rules": astray}, {"small": Router(name="small", named=True)})
            home.gateway.world = msgspec.structs.replace(home.gateway.world, routers=table)
            visit = await home.chat("rules", headers={"x-gearshift-metadata": "enabled"}).done()
            assert (visit.status, error(visit)) == (422, "no_candidate")
            assert visit.headers["x-gearshift-router"] == "rules"
            assert "no rule of router rules matches" in visit.json["gearshift"]["decision"]["detail"]
            assert (home.row().router, home.row().reason) == ("rules", "no_candidate")
            assert upstream.log == []

    asyncio.run(scene())


def test_a_word_of_another_router_is_served_named_and_not_passed_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            asked = body(plugins=[{"id": "web"}], transforms=["inside-out"], provider={"only": ["at-small"]})
            visit = await home.chat(headers={"x-gearshift-metadata": "enabled"}, body=asked).done()
            assert visit.status == 200
            assert visit.headers["x-gearshift-dropped"] == "plugins.web, transforms"
            named = [each["field"] for each in visit.json["gearshift"]["decision"]["unmet"]]
            assert named == ["plugins.web", "transforms"]
            (sent,) = upstream.log
            assert not {"plugins", "transforms", "provider"} & set(json.loads(sent.body))

    asyncio.run(scene())


def test_openrouters_own_example_names_its_models_only(tmp_path: Path) -> None:
    # https://openrouter.ai/docs/guides/routing/provider-selection#advanced-sorting-with-partition, read 2026-11-27
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            sort = {"by": "throughput", "partition": "none"}
            asked = {
                "models": ["small"],
                "messages": [{"role": "user", "content": "Hello"}],
                "provider": {"sort": sort},
            }
            visit = await home.post(CHAT, asked).done()
            assert (visit.status, visit.json["model"]) == (200, "small")
            (sent,) = upstream.log
            assert json.loads(sent.body).keys() == {"messages", "model"}

    asyncio.run(scene())


def test_a_wish_that_cannot_be_fulfilled_is_served_and_named(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(), answers()) as (home, upstream):
            wishes = {"cf-aig-backoff": "linear", "cf-aig-cache-ttl": "60", "x-gearshift-metadata": "enabled"}
            visit = await home.chat(headers=wishes).done()
            assert (visit.status, visit.headers["x-gearshift-cache"]) == (200, "off")
            assert visit.headers["x-gearshift-dropped"] == "cf-aig-cache-ttl, cf-aig-backoff"
            assert visit.json["gearshift"]["dropped"] == ["cf-aig-cache-ttl", "cf-aig-backoff"]
            assert "cf-aig" not in repr(upstream.log[0].headers).lower()
            assert "x-gearshift-dropped" not in (await home.chat().done()).headers

    asyncio.run(scene())


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOOP = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
]


def test_a_tool_loop_goes_on_with_the_model_that_began_it_for_its_own_caller_only(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(refuses(503), answers()) as upstream:
            able = frozenset({"tools"})
            rivals = tuple(
                msgspec.structs.replace(served_by(upstream, name), capabilities=able) for name in ("small", "large")
            )
            router = Router(
                name="auto", deployments=rivals, objective=WillingnessToPay(usd=1.0), predictor=_Slow(False)
            )
            async with house(tmp_path, *rivals, keys=[KEY, "sk-other"]) as home:
                table = RouterTable({"auto": router}, {})
                home.gateway.world = msgspec.structs.replace(home.gateway.world, routers=table)
                first = await home.chat(headers=GOOD).done()  # large refuses, small answers
                assert first.headers["x-gearshift-model"] == "small"
                asked = json.dumps({"model": "auto", "messages": LOOP}).encode()
                loop = await home.chat(body=asked, headers={**GOOD, "x-gearshift-metadata": "enabled"}).done()
                assert (loop.headers["x-gearshift-model"], loop.headers["x-gearshift-reason"]) == ("small", "session")
                standing = loop.json["gearshift"]["decision"]["standing"]
                assert standing == {"deployment": "at-small/small", "held_tokens": 0, "moved": False}
                told = await home.post("/v1/route", asked, headers=GOOD).done()
                assert (told.json["chosen"], told.json["reason"]) == ("at-small/small", "session")
                other = await home.post("/v1/route", asked, headers={"x-api-key": "sk-other"}).done()
                assert (other.json["chosen"], other.json["standing"]) == ("at-large/large", None)

    asyncio.run(scene())


def test_a_big_request_is_read_and_decided_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    read = codec.decode_request

    def noting(body: bytes, path: str = "") -> Request:
        threads.append(threading.current_thread().name)
        return read(body, path)

    monkeypatch.setattr(codec, "decode_request", noting)

    async def scene() -> None:
        async with serving(tmp_path, answers(), answers()) as (home, _):
            for size in (10, 300_000):
                visit = await home.chat(messages=[{"role": "user", "content": "x " * size}]).done()
                assert visit.status == 200
            assert [row.outcome for row in home.rows()] == ["completed", "completed"]

    asyncio.run(scene())
    assert threads == [threading.current_thread().name, "aside_0"]
