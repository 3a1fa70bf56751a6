"""One upstream call, shown through the whole gateway: streams and their ends, timers, callers who leave or are slow."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gearshift.errors import MAX_UPSTREAM_TEXT
from gearshift.execution import call, passage, refusal
from gearshift.protocols.sse import MAX_LINE
from tests.fakes.asgi import Visit
from tests.fakes.house import LIMITS, House, house, served_by, serving
from tests.fakes.nouns import SECRET, deployment, provider
from tests.fakes.upstream import (
    DONE,
    USAGE,
    Scene,
    ScriptedUpstream,
    Wire,
    answers,
    deaf_port,
    event,
    refuses,
    says,
    sends,
    stream_events,
    streams,
)

ROLE = event({"role": "assistant", "content": ""})
HELLO = event({"content": "Hello"})
STEADY: list[bytes | float] = [event({"content": "."}), 0.02]
STOP = event({}, "stop")
ERROR = b'data: {"error":{"message":"overloaded","code":502}}\n\n'


def attempt(home: House) -> dict[str, Any]:
    """Give the only attempt of the only exchange."""
    (made,) = json.loads(home.row().attempts)
    found: dict[str, Any] = made
    return found


def broke(visit: Visit) -> dict[str, Any]:
    """Check that a stream ended in an in-band error, never as a clean end; give that error."""
    assert visit.status == 200
    assert visit.complete
    assert b"[DONE]" not in visit.body
    error: dict[str, Any] = visit.events[-1]["error"]
    return error


# What is sent and what is passed on


def test_the_upstream_gets_its_own_name_of_the_model_and_the_rest_byte_for_byte(tmp_path: Path) -> None:
    body = b'{ "model":"auto", "messages":[{"role":"user","content":"H\\u00e9"}],  "seed" : 1 ,"odd":{"a" :1}}'

    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            assert (await home.chat(body=body).done()).status == 200
            assert upstream.log[0].body == body.replace(b'"auto"', b'"small-v1"')
            assert upstream.log[0].target == "/v1/chat/completions"
            assert upstream.log[0].headers["authorization"] == f"Bearer {SECRET}"

    asyncio.run(scene())


def test_the_caller_s_key_and_headers_never_reach_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            await home.chat(
                headers={"authorization": "Bearer sk-caller", "x-api-key": "sk-caller", "cookie": "a"}
            ).done()
            assert "sk-caller" not in str(upstream.log[0].headers)
            assert "cookie" not in upstream.log[0].headers

    asyncio.run(scene())


@pytest.mark.parametrize("asked", [None, True, False])
def test_a_stream_is_always_asked_for_its_usage(tmp_path: Path, asked: bool | None) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a")) as (home, upstream):
            options = {} if asked is None else {"stream_options": {"include_usage": asked}}
            visit = await home.chat(body=_body(stream=True, **options)).done()
            assert upstream.log[0].json["stream_options"] == {"include_usage": True}
            assert ("usage" in visit.events[-1]) is (asked is not False)
            assert visit.ended_well

    asyncio.run(scene())


def _body(**fields: object) -> bytes:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hi"}], **fields}).encode()


def test_unknown_fields_of_an_answer_survive(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(service_tier="flex", odd={"a": [1.50]})) as (home, _):
            visit = await home.chat().done()
            assert b'"odd": {"a": [1.5]}' in visit.body
            assert visit.json["service_tier"] == "flex"

    asyncio.run(scene())


def test_each_chunk_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def slowly(wire: Wire) -> None:
        wire.head(content_type="text/event-stream", length=None)
        wire.piece(ROLE)
        wire.piece(HELLO)
        await more.wait()
        for each in (event({"content": " again"}), STOP, DONE):
            wire.piece(each)
        wire.end()

    async def scene() -> None:
        async with serving(tmp_path, slowly) as (home, _):
            visit = await home.chat(stream=True).start().until(lambda visit: visit.text == "Hello")
            assert not visit.complete
            more.set()
            assert (await visit.done()).text == "Hello again"

    asyncio.run(scene())


def test_a_candidate_that_cannot_be_told_the_request_is_passed_over(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as foreign, ScriptedUpstream(answers("Hi")) as upstream:
            first = deployment("other", provider("far", foreign.base_url, protocol="openai_responses"))
            async with house(tmp_path, first, served_by(upstream)) as home:
                visit = await home.chat(body=_body(stop="END"), headers={"x-gearshift-metadata": "enabled"}).done()
                assert (visit.status, visit.json["model"], foreign.log) == (200, "small", [])
                passed, made = visit.json["gearshift"]["attempts"]
                assert (passed["error"], passed["billing"], made["error"]) == ("cannot_carry", "not_sent", None)
                assert passed["detail"].startswith("stop: a model response cannot")

    asyncio.run(scene())


def test_what_another_protocol_could_not_say_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        body: dict[str, Any] = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "c",
            "stop_reason": "end_turn",
        }
        body |= {"content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 1, "output_tokens": 1}}
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        spoken = json.dumps(body).encode()
        async with ScriptedUpstream(says(head % len(spoken) + spoken)) as upstream:
            far = deployment("claude", provider("far", upstream.base_url, protocol="anthropic_messages"))
            async with house(tmp_path, far) as home:
                visit = await home.chat(body=_body(seed=1, odd=2)).done()
                assert visit.headers["x-gearshift-dropped"] == "odd, seed"
                assert visit.json["choices"][0]["message"]["content"] == "Hi"
                losses = json.loads(home.row().attempts)[0]["losses"]
                assert {loss["field"] for loss in losses} == {"odd", "seed", "max_tokens"}
                assert upstream.log[0].headers["anthropic-version"] == "2023-06-01"

    asyncio.run(scene())


def test_a_request_that_a_quirk_forbids_was_never_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as upstream:
            quirks = msgspec.structs.replace(provider().quirks, drops=("seed",))
            picky = deployment(of=provider("lab", upstream.base_url, quirks=quirks))
            async with house(tmp_path, picky) as home:
                visit = await home.chat(body=_body(seed=1)).done()
                assert (visit.status, visit.json["error"]["param"]) == (400, "seed")
                row = home.row()
                assert (row.cost, row.error, upstream.log) == (0, "cannot_carry", [])
                assert '"billing":"not_sent"' in row.attempts

    asyncio.run(scene())


# Ends


def test_data_after_the_terminator_is_ignored(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, HELLO, STOP, DONE, event({"content": "ghost"}), DONE)) as (home, _):
            visit = await home.chat(stream=True).done()
            assert visit.text == "Hello"
            assert visit.body.count(b"[DONE]") == 1
            assert visit.ended_well

    asyncio.run(scene())


@pytest.mark.parametrize("then", ["end", "hang", "close", "reset"])
def test_a_stream_that_ends_without_a_terminator_after_its_answer_is_ended_by_us(
    tmp_path: Path, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "USAGE_GRACE", 0.2)

    async def scene() -> None:
        after = {"end": sends(ROLE, HELLO, STOP), "hang": sends(ROLE, HELLO, STOP, then="hang")}
        after |= {
            "close": sends(ROLE, HELLO, STOP, then="close"),
            "reset": sends(ROLE, HELLO, STOP, 0.02, then="reset"),
        }
        async with serving(tmp_path, after[then]) as (home, upstream):
            began = time.monotonic()
            visit = await home.chat(stream=True).done()
            assert time.monotonic() - began < 0.7
            assert visit.text == "Hello"
            assert visit.ended_well
            usage = visit.events[-1]["usage"]
            assert usage["cost_details"]["estimated"]
            assert usage["completion_tokens"] == 1
            row = home.row()
            assert (row.outcome, row.error, row.finish_reason, row.usage_estimated) == ("completed", None, "stop", True)
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0) if then == "hang" else None

    asyncio.run(scene())


def test_the_grace_for_a_missing_terminator_is_about_a_second(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, stall_timeout=4.0)
        told = sends(ROLE, HELLO, STOP, event(None, usage=USAGE), then="hang")
        async with serving(tmp_path, told, limits=limits) as (home, _):
            began = time.monotonic()
            assert (await home.chat(stream=True).done()).ended_well
            assert 0.8 < time.monotonic() - began < 2

    asyncio.run(scene())


def test_the_usage_that_was_asked_for_is_waited_for_as_long_as_a_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage, "TERMINATOR_GRACE", 0.05)

    async def scene() -> None:
        told = sends(ROLE, HELLO, STOP, 0.3, event(None, usage=USAGE), then="hang")
        async with serving(tmp_path, told) as (home, _):
            began = time.monotonic()
            visit = await home.chat(stream=True).done()
            assert time.monotonic() - began < 0.8
            assert visit.events[-1]["usage"]["completion_tokens"] == USAGE["completion_tokens"]
            assert not home.row().usage_estimated

    asyncio.run(scene())


def test_a_usage_that_was_not_asked_for_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "TERMINATOR_GRACE", 0.05)

    async def scene() -> None:
        async with ScriptedUpstream(sends(ROLE, HELLO, STOP, then="hang")) as upstream:
            quirks = msgspec.structs.replace(provider().quirks, stream_usage=False)
            silent = deployment(of=provider("lab", upstream.base_url, quirks=quirks))
            async with house(tmp_path, silent) as home:
                began = time.monotonic()
                assert (await home.chat(stream=True).done()).ended_well
                assert time.monotonic() - began < 0.8

    asyncio.run(scene())


def test_pings_do_not_prolong_that_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "USAGE_GRACE", 0.2)

    async def chatty(wire: Wire) -> None:
        await sends(ROLE, HELLO, STOP, then="keep")(wire)
        while not wire.gone.is_set():
            wire.piece(b"\n")
            await asyncio.sleep(0.05)

    async def scene() -> None:
        async with serving(tmp_path, chatty) as (home, upstream):
            began = time.monotonic()
            assert (await home.chat(stream=True).done()).ended_well
            assert time.monotonic() - began < 1
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)

    asyncio.run(scene())


def test_usage_that_comes_within_the_grace_is_used(tmp_path: Path) -> None:
    async def scene() -> None:
        late = event(None, usage={"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16})
        async with serving(tmp_path, sends(ROLE, HELLO, STOP, 0.1, late, then="end")) as (home, _):
            visit = await home.chat(stream=True).done()
            assert visit.events[-1]["usage"]["completion_tokens"] == 9
            assert home.row().output_tokens == 9

    asyncio.run(scene())


def test_a_stream_that_comes_in_one_piece_is_not_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(b"".join(stream_events("Hello")), then="hang")) as (home, _):
            began = time.monotonic()
            visit = await home.chat(stream=True).done()
            assert time.monotonic() - began < 0.5
            assert visit.ended_well

    asyncio.run(scene())


def test_two_answers_are_waited_for_when_two_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "TERMINATOR_GRACE", 0.05)

    async def scene() -> None:
        second = (
            b'data: {"id":"x","model":"m","choices":[{"index":1,"delta":{"content":"B"},"finish_reason":null}]}\n\n'
        )
        end = second.replace(b"null", b'"stop"')
        async with serving(tmp_path, sends(ROLE, HELLO, STOP, 0.2, second, end, DONE)) as (home, _):
            visit = await home.chat("small", stream=True, n=2).done()
            assert b'"B"' in visit.body
            assert visit.ended_well

    asyncio.run(scene())


def test_the_connection_of_a_finished_stream_is_used_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a")) as (home, upstream):
            for _ in range(3):
                await home.chat(stream=True).done()
                await asyncio.sleep(0.02)
            assert [seen.connection for seen in upstream.log] == [0, 0, 0]

    asyncio.run(scene())


BREAKS = [
    pytest.param(sends(ROLE, HELLO, then="close"), "cut off", id="cut"),
    pytest.param(sends(ROLE, HELLO, 0.02, then="reset"), "cut off", id="reset"),
    pytest.param(sends(ROLE, HELLO, then="end"), "before the end", id="ended early"),
    pytest.param(sends(ROLE, HELLO, 0.02, ERROR, DONE, then="end"), "overloaded", id="error event"),
    pytest.param(sends(ROLE, HELLO, 0.02, event({}, "error"), DONE), "finish_reason error", id="finish reason error"),
    pytest.param(sends(ROLE, HELLO, 0.02, b"data: {broken\n\n", STOP, DONE), "cannot be read", id="broken event"),
    pytest.param(sends(ROLE, HELLO, 0.02, DONE), "without the finish_reason", id="end without a finish reason"),
    pytest.param(
        sends(ROLE, HELLO, 0.02, b'event: error\ndata: {"message":"overloaded"}\n\n', DONE),
        "overloaded",
        id="event of type error",
    ),
    pytest.param(
        sends(ROLE, HELLO, 0.02, b'data: {"object":"error","message":"overloaded"}\n\n', DONE),
        "overloaded",
        id="object error",
    ),
    pytest.param(sends(ROLE, HELLO, b"data: " + b"x" * MAX_LINE, then="hang"), "more than", id="endless event"),
]


@pytest.mark.parametrize(("broken", "said"), BREAKS)
def test_a_stream_that_breaks_ends_in_band_and_is_closed(tmp_path: Path, broken: Scene, said: str) -> None:
    async def scene() -> None:
        async with serving(tmp_path, broken) as (home, _):
            visit = await home.chat(stream=True).done()
            assert said in broke(visit)["message"]
            assert visit.text.startswith("Hello")
            row = home.row()
            assert (row.outcome, row.status, row.model, row.usage_estimated) == ("failed", 502, "small", True)
            made = attempt(home)
            assert (made["billing"], made["output_tokens"]) == ("billed", 1)

    asyncio.run(scene())


def test_first_content_of_any_size_is_content(tmp_path: Path) -> None:
    """An image in an answer is larger than what may be held before the first content."""

    async def scene() -> None:
        large = "x" * (2 * passage.MAX_HELD_BYTES)
        async with serving(tmp_path, streams(large)) as (home, _):
            assert (await home.chat(stream=True).done()).text == large

    asyncio.run(scene())


def test_text_that_comes_together_with_an_error_reaches_the_caller_before_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, HELLO, 0.02, event({"content": " again"}) + ERROR)) as (home, _):
            visit = await home.chat(stream=True).done()
            assert broke(visit)["code"] == "upstream_stream_broken"
            assert visit.text == "Hello again"

    asyncio.run(scene())


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(sends(ROLE, DONE), id="role and end"),
        pytest.param(sends(ROLE + HELLO + ERROR), id="error with the first content"),
        pytest.param(sends(ROLE + HELLO + DONE), id="end with the first content"),
        pytest.param(sends(b'data: {"object":"error","message":"overloaded"}\n\n', DONE), id="object error"),
    ],
)
def test_a_stream_that_breaks_before_anything_was_passed_on_is_tried_elsewhere(tmp_path: Path, empty: Scene) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(empty) as one,
            ScriptedUpstream(streams("Hi")) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large")) as home,
        ):
            visit = await home.chat(stream=True).done()
            assert (visit.text, visit.ended_well, visit.headers["x-gearshift-attempts"]) == ("Hi", True, "2")

    asyncio.run(scene())


SLOW = b'data: {"error":{"message":"slow down","code":429}}\n\n'


@pytest.mark.parametrize("first", [SLOW, ROLE + SLOW])
def test_a_stream_that_only_says_that_we_ask_too_much_is_refused_and_not_billed(tmp_path: Path, first: bytes) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(first, DONE)) as (home, _):
            visit = await home.chat(stream=True).done()
            assert (visit.status, visit.json["error"]["code"]) == (429, "upstream_rate_limited")
            assert "slow down" in visit.json["error"]["message"]
            made = attempt(home)
            assert (made["billing"], made["output_tokens"], home.row().cost) == ("not_billed", None, 0)

    asyncio.run(scene())


def test_a_stream_that_is_throttled_behind_its_first_content_is_broken_and_counted(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE + HELLO + SLOW)) as (home, _):
            visit = await home.chat(stream=True).done()
            assert (visit.status, visit.json["error"]["code"]) == (502, "upstream_stream_broken")
            made = attempt(home)
            assert (made["billing"], made["output_tokens"], made["usage_estimated"]) == ("maybe_billed", 1, True)

    asyncio.run(scene())


def test_a_stream_whose_last_line_has_no_blank_line_behind_it_is_whole(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, HELLO, STOP, DONE[:-1])) as (home, _):
            visit = await home.chat(stream=True).done()
            assert (visit.text, visit.ended_well, home.row().outcome) == ("Hello", True, "completed")

    asyncio.run(scene())


@pytest.mark.parametrize("extra", [{"id": 5}, {"id": None}, {"model": ["m"]}, {"usage": {}}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_paid_answer_with_an_odd_detail_is_an_answer(tmp_path: Path, stream: bool, extra: dict[str, Any]) -> None:
    async def scene() -> None:
        odd = sends(event({"content": "Hello"}, "stop", **extra), DONE) if stream else answers(**extra)
        async with serving(tmp_path, odd) as (home, _):
            visit = await home.chat(stream=stream).done()
            assert visit.status == 200
            last = visit.events[-1] if stream else visit.json
            assert last["usage"]["completion_tokens"] > 0
            assert last["usage"]["cost"] is not None

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_surrogate_pair_reaches_the_caller(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        said = event({"content": "a\ud83d"}, "stop")
        async with serving(tmp_path, sends(said, DONE) if stream else answers("a\ud83d")) as (home, _):
            visit = await home.chat(stream=stream).done()
            assert visit.status == 200
            assert b'"a\\ud83d"' in visit.body
            assert home.row().outcome == "completed"

    asyncio.run(scene())


WHOLE = b"".join(stream_events("Hel", "lo"))
ANSWERED = WHOLE.index(b'"stop"')


@settings(max_examples=40)
@given(cut=st.integers(0, len(WHOLE)), close=st.booleans())
def test_wherever_a_stream_is_cut_it_never_looks_whole_unless_it_is(
    tmp_path_factory: pytest.TempPathFactory, cut: int, close: bool
) -> None:
    async def scene() -> None:
        folder = tmp_path_factory.mktemp("cut")
        async with serving(folder, sends(WHOLE[:cut], then="close" if close else "end")) as (home, _):
            visit = await home.chat(stream=True).done()
            if visit.ended_well:
                assert cut > ANSWERED
                assert visit.text == "Hello"
            elif visit.status == 200:
                broke(visit)
                assert "Hello".startswith(visit.text)
            else:
                assert visit.status == 502
            assert len(home.rows()) == 1

    asyncio.run(scene())


# Timers


def test_a_stall_in_the_middle_ends_in_band_and_closes_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, stall_timeout=0.1)
        async with serving(tmp_path, sends(ROLE, HELLO, then="hang"), limits=limits) as (home, upstream):
            visit = await home.chat(stream=True).done()
            error = broke(visit)
            assert error["code"] == "upstream_timeout"
            assert "nothing arrived for 0.1 s" in error["message"]
            assert visit.text == "Hello"
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            assert home.row().status == 504

    asyncio.run(scene())


def test_a_slow_but_steady_stream_is_no_stall(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, stall_timeout=0.15, first_token_timeout=0.15)
        pieces: list[bytes | float] = [ROLE, HELLO, *STEADY * 8, STOP, DONE]
        async with serving(tmp_path, sends(*pieces), limits=limits) as (home, _):
            assert (await home.chat(stream=True).done()).ended_well

    asyncio.run(scene())


def test_the_deadline_ends_a_stream_that_goes_on_and_on(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, deadline=0.3, stall_timeout=0.2)
        pieces: list[bytes | float] = [ROLE, *STEADY * 200]
        async with serving(tmp_path, sends(*pieces, then="hang"), limits=limits) as (home, upstream):
            error = broke(await home.chat(stream=True).done())
            assert "not complete within 0.3 s" in error["message"]
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            assert 0.2 < home.row().duration < 0.8

    asyncio.run(scene())


def test_a_slow_caller_is_not_blamed_on_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, stall_timeout=0.1)
        async with serving(tmp_path, streams(*"abcdefgh"), limits=limits) as (home, _):
            visit = home.chat(stream=True).start()
            await visit.until(lambda visit: bool(visit.status))
            visit.reading.clear()
            await asyncio.sleep(0.4)
            visit.reading.set()
            assert (await visit.done()).text == "abcdefgh"
            assert visit.ended_well

    asyncio.run(scene())


def test_a_caller_who_never_reads_holds_nobody_up_beyond_the_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, deadline=0.3)
        pieces: list[bytes | float] = [ROLE, *STEADY * 200]
        async with serving(tmp_path, sends(*pieces, then="hang"), limits=limits) as (home, upstream):
            visit = home.chat(stream=True).start()
            await visit.until(lambda visit: bool(visit.pieces))
            visit.reading.clear()
            await visit.done()
            assert not visit.complete
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            assert (home.row().outcome, home.row().error) == ("cancelled", "caller_left")
            assert attempt(home)["error"] == "caller_left"


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_never_takes_the_end_is_cut_off(
    tmp_path: Path, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "FAREWELL", 0.2)

    async def scene() -> None:
        limits = msgspec.structs.replace(LIMITS, deadline=0.2)
        async with serving(tmp_path, streams("Hello") if stream else answers(), limits=limits) as (home, _):
            visit = home.chat(stream=stream).start()
            visit.reading.clear()
            began = time.monotonic()
            await visit.done()
            assert time.monotonic() - began < 1
            assert visit.aborted
            row = home.row()
            assert (row.outcome, row.error, row.usage_estimated) == ("cancelled", "caller_left", False)

    asyncio.run(scene())


@pytest.mark.parametrize("content", [False, True])
def test_an_exchange_that_is_cancelled_by_our_own_stop_is_answered_and_has_failed(
    tmp_path: Path, content: bool
) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, *[HELLO][: int(content)], then="hang")) as (home, upstream):
            visit = home.chat(stream=True).start()
            await upstream.request()
            await (visit.until(lambda visit: visit.text == "Hello") if content else asyncio.sleep(0.05))
            visit.cancel()
            with pytest.raises(asyncio.CancelledError):
                await visit.done()
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
            assert visit.status == (200 if content else 503)
            error = broke(visit) if content else visit.json["error"]
            assert error["code"] == "shutting_down"
            row = home.row()
            assert (row.outcome, row.status, row.error) == ("failed", 503, "shutting_down")
            assert attempt(home)["error"] == "shutting_down"

    asyncio.run(scene())

    asyncio.run(scene())


def test_the_upstream_does_not_wait_for_a_slow_caller_to_take_a_finished_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            slow = home.chat().start()
            slow.reading.clear()
            await upstream.request()
            await asyncio.sleep(0.05)
            await home.chat().done()
            assert [seen.connection for seen in upstream.log] == [0, 0]
            slow.reading.set()
            assert (await slow.done()).status == 200

    asyncio.run(scene())


# Callers who leave


async def left(home: House, upstream: ScriptedUpstream, visit: Visit) -> None:
    """Leave, and check that the upstream is closed within a second."""
    began = time.monotonic()
    visit.leave()
    await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
    assert time.monotonic() - began < 1.0
    await visit.done()
    row = home.row()
    assert (row.outcome, row.status, row.error) == ("cancelled", 499, "caller_left")
    made = attempt(home)
    assert (made["error"], made["usage_estimated"]) == ("caller_left", True)
    assert row.usage_estimated
    assert row.cost is not None
    assert row.cost > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_before_the_head_cancels_the_upstream(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with serving(tmp_path, says(b"")) as (home, upstream):
            visit = home.chat(stream=stream).start()
            await upstream.request()
            await left(home, upstream, visit)
            assert visit.status == 0
            assert attempt(home)["billing"] == "maybe_billed"

    asyncio.run(scene())


def test_a_caller_who_leaves_before_the_connection_is_made_owes_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        with deaf_port() as port:
            nowhere = deployment(of=provider("lab", f"http://127.0.0.1:{port}/v1"))
            async with house(tmp_path, nowhere) as home:
                visit = home.chat().start()
                await asyncio.sleep(0.1)
                visit.leave()
                await visit.done()
                assert (attempt(home)["billing"], home.row().cost) == ("not_sent", 0)

    asyncio.run(scene())


def test_a_caller_who_leaves_in_the_middle_of_a_body_cancels_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(b'{"id":', then="hang", content_type="application/json")) as (
            home,
            upstream,
        ):
            visit = home.chat().start()
            await upstream.request()
            await asyncio.sleep(0.05)
            await left(home, upstream, visit)

    asyncio.run(scene())


def test_a_caller_who_leaves_before_the_first_content_cancels_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, then="hang")) as (home, upstream):
            visit = home.chat(stream=True).start()
            await upstream.request()
            await asyncio.sleep(0.05)
            await left(home, upstream, visit)

    asyncio.run(scene())


def test_a_caller_who_leaves_in_the_middle_of_a_stream_cancels_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, sends(ROLE, HELLO, then="hang")) as (home, upstream):
            visit = home.chat(stream=True).start()
            await visit.until(lambda visit: visit.text == "Hello")
            await left(home, upstream, visit)
            made = attempt(home)
            assert (made["billing"], made["output_tokens"], home.row().model) == ("billed", 1, "small")

    asyncio.run(scene())


def test_a_slow_caller_who_leaves_cancels_the_upstream(tmp_path: Path) -> None:
    async def scene() -> None:
        pieces: list[bytes | float] = [ROLE, *STEADY * 100]
        async with serving(tmp_path, sends(*pieces, then="hang")) as (home, upstream):
            visit = home.chat(stream=True).start()
            await visit.until(lambda visit: bool(visit.pieces))
            visit.reading.clear()
            await asyncio.sleep(0.05)
            await left(home, upstream, visit)

    asyncio.run(scene())


def test_a_caller_who_leaves_between_two_attempts_leaves_one_record_of_each(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(refuses(500)) as one,
            ScriptedUpstream(says(b"")) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large")) as home,
        ):
            visit = home.chat().start()
            await other.request()
            visit.leave()
            await asyncio.wait_for(other.log[0].gone.wait(), 1.0)
            await visit.done()
            errors = [made["error"] for made in json.loads(home.row().attempts)]
            assert errors == ["upstream_refused", "caller_left"]

    asyncio.run(scene())


def test_no_task_outlives_its_request(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("a"), answers(), sends(ROLE, HELLO, then="close"), says(b"")) as (
            home,
            up,
        ):
            for stream in (True, False, True):
                await home.chat(stream=stream).done()
            visit = home.chat().start()
            await up.request(3)
            visit.leave()
            await visit.done()
            await asyncio.sleep(0.01)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            assert [task for task in tasks if "scene" not in repr(task) and "_play" not in repr(task)] == []

    asyncio.run(scene())


# What an upstream says of us


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_trouble_with_our_own_account_is_not_told_in_the_provider_s_words(
    tmp_path: Path, status: int, stream: bool
) -> None:
    async def scene() -> None:
        scene_ = refuses(status, f"Incorrect API key provided: {SECRET}; sk-***ret")
        async with serving(tmp_path, scene_) as (home, _):
            visit = await home.chat(stream=stream, headers={"x-gearshift-metadata": "enabled"}).done()
            assert (visit.status, visit.json["error"]["code"]) == (502, "upstream_auth")
            row = home.row()
            for text in (visit.body.decode(), row.attempts, row.decision or ""):
                assert SECRET not in text
                assert "sk-***" not in text
                assert "Incorrect" not in text
            assert "at-small" in visit.json["error"]["message"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    "teller",
    [
        pytest.param(refuses(500, f"cannot use {SECRET}"), id="500"),
        pytest.param(refuses(400, f"cannot use {SECRET}"), id="400"),
        pytest.param(sends(f'data: {{"error":{{"message":"bad {SECRET}"}}}}\n\n'.encode()), id="first event"),
        pytest.param(sends(ROLE, HELLO, f'data: {{"error":"bad {SECRET}"}}\n\n'.encode()), id="later event"),
    ],
)
def test_a_key_that_an_upstream_repeats_is_taken_out_of_its_words(tmp_path: Path, teller: Scene) -> None:
    async def scene() -> None:
        async with serving(tmp_path, teller) as (home, _):
            visit = await home.chat(stream=True, headers={"x-gearshift-metadata": "enabled"}).done()
            assert b"[key]" in visit.body
            assert SECRET not in visit.body.decode() + home.row().attempts

    asyncio.run(scene())


LONG = "x" * (MAX_UPSTREAM_TEXT - 10)


@pytest.mark.parametrize(
    "teller",
    [
        pytest.param(refuses(500, f"{LONG}{SECRET}"), id="at the cut"),
        pytest.param(refuses(500, f"{LONG[30:]}{SECRET}"), id="at the cut, the attempt's words before it"),
        pytest.param(refuses(400, f"cannot use {SECRET.upper()}"), id="in capitals"),
        pytest.param(sends(f'data: {{"error":"{LONG}{SECRET}"}}\n\n'.encode()), id="in a stream"),
        pytest.param(sends(ROLE, content_type=SECRET.title()), id="as a content type"),
        pytest.param(sends(ROLE, content_type=f"text/{SECRET}"), id="in a content type"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_not_even_half_a_key_is_told_to_a_caller(tmp_path: Path, teller: Scene, stream: bool) -> None:
    async def scene() -> None:
        async with serving(tmp_path, teller) as (home, _):
            visit = await home.chat(stream=stream, headers={"x-gearshift-metadata": "enabled"}).done()
            assert visit.status >= 400
            assert SECRET[:4] not in (visit.body.decode() + home.row().attempts).lower()

    asyncio.run(scene())


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_whose_body_stalls_is_decided_by_its_status(
    tmp_path: Path, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal, "PATIENCE", 0.1)

    async def scene() -> None:
        stalls = says(b"HTTP/1.1 429 X\r\ncontent-length: 99\r\nretry-after: 7\r\n\r\n{")
        limits = msgspec.structs.replace(LIMITS, first_token_timeout=0.08)
        async with serving(tmp_path, stalls, limits=limits) as (home, upstream):
            visit = await home.chat(stream=stream).done()
            assert (visit.status, visit.json["error"]["code"]) == (429, "upstream_rate_limited")
            assert visit.headers["retry-after"] == "7"
            await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)

    asyncio.run(scene())


def test_json_in_place_of_a_stream_is_told_in_the_upstream_s_words(tmp_path: Path) -> None:
    async def scene() -> None:
        said = sends(f'{{"error":{{"message":"loading {SECRET}"}}}}'.encode(), content_type="application/json")
        async with serving(tmp_path, said) as (home, _):
            visit = await home.chat(stream=True).done()
            assert visit.status == 502
            assert "application/json: loading [key]" in visit.json["error"]["message"]

    asyncio.run(scene())


@pytest.mark.parametrize("size", [70_000, 500_000])
def test_an_error_of_any_length_keeps_its_status_and_is_shortened(tmp_path: Path, size: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(400, "x" * size)) as (home, _):
            visit = await home.chat().done()
            assert (visit.status, visit.json["error"]["code"]) == (400, "upstream_rejected")
            assert len(visit.body) < 1000
            assert attempt(home)["status"] == 400

    asyncio.run(scene())


def test_an_error_whose_body_is_cut_keeps_its_status(tmp_path: Path) -> None:
    async def scene() -> None:
        cut = says(b"HTTP/1.1 400 X\r\ncontent-length: 99\r\n\r\n{", "close")
        async with serving(tmp_path, cut) as (home, _):
            visit = await home.chat().done()
            assert visit.status == 400
            assert attempt(home)["billing"] == "not_billed"

    asyncio.run(scene())
