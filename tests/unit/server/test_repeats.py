"""Requests that are sent again under their key, shown through the whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from gearshift.idempotency import Bounds, Register
from gearshift.server.inference import Inference
from gearshift.server.repeats import Repeats
from tests.fakes.asgi import Visit
from tests.fakes.house import House, house, served_by, serving
from tests.fakes.upstream import (
    Scene,
    ScriptedUpstream,
    Wire,
    answers,
    http,
    refuses,
    says,
    sends,
    stream_events,
    streams,
)

KEY: Mapping[str, str] = {"idempotency-key": "k-1"}
REPLAYED = "idempotent-replayed"
Told = Callable[[House, ScriptedUpstream], Awaitable[None]]
MESSAGES = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
ASKED: Mapping[str, Mapping[str, object]] = {
    "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/responses": {"model": "auto", "input": "Hi"},
    "/v1/messages": MESSAGES,
    "/v1beta/models/auto:generateContent": CONTENTS,
}
STREAMED: Mapping[str, Mapping[str, object]] = {
    "/v1/chat/completions": {**ASKED["/v1/chat/completions"], "stream": True},
    "/v1/responses": {"model": "auto", "input": "Hi", "stream": True},
    "/v1/messages": {**MESSAGES, "stream": True},
    "/v1beta/models/auto:streamGenerateContent": CONTENTS,
}


def play(folder: Path, told: Told, *scenes: Scene, **options: object) -> None:
    async def scene() -> None:
        async with serving(folder, *scenes, **options) as (home, upstream), asyncio.timeout(20):
            await told(home, upstream)

    asyncio.run(scene())


def gated(gate: asyncio.Event, *, breaks: bool = False) -> Scene:
    """Stream a first text, and the rest once the gate is open."""
    role, first, *rest = stream_events("one", "two")

    async def scene(wire: Wire) -> None:
        wire.head(content_type="text/event-stream", length=None)
        wire.piece(role + first)
        await gate.wait()
        if breaks:
            await wire.then("reset")
            return
        wire.piece(b"".join(rest))
        wire.end()

    return scene


def changed(home: House, **changes: object) -> Inference:
    return msgspec.structs.replace(home.inference, **changes)


def bounded(home: House, each: int) -> Repeats:
    return Repeats(home.telemetry, home.inference.clock, Register(Bounds(each=each)))


@pytest.mark.parametrize("path", ASKED)
def test_an_answer_is_given_again_in_every_protocol(tmp_path: Path, path: str) -> None:
    body = ASKED[path]

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first = await home.post(path, body, KEY).done()
        again = await home.post(path, body, KEY).done()
        assert first.status == again.status == 200
        assert first.body == again.body
        assert again.headers == {**first.headers, REPLAYED: "true"}
        assert REPLAYED not in first.headers
        assert len(upstream.log) == 1
        assert home.row().id == first.headers["x-gearshift-exchange-id"]
        assert home.metric("gearshift_repeats_total", how="replayed") == 1

    play(tmp_path, told, answers())


@pytest.mark.parametrize("path", STREAMED)
def test_a_stream_is_given_again_to_its_last_byte(tmp_path: Path, path: str) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first = await home.post(path, STREAMED[path], KEY).done()
        again = await home.post(path, STREAMED[path], KEY).done()
        assert first.body == again.body
        assert again.complete
        assert again.headers == {**first.headers, REPLAYED: "true"}
        assert len(upstream.log) == 1

    play(tmp_path, told, streams("one", "two"))


def test_vectors_are_given_again(tmp_path: Path) -> None:
    answer = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25]}],"model":"embed"}'
    body = {"model": "embed", "input": ["Hi"]}

    async def scene() -> None:
        async with ScriptedUpstream(says(http(answer, f"content-length: {len(answer)}"))) as upstream:
            embed = msgspec.structs.replace(served_by(upstream, "embed"), capabilities=frozenset({"embeddings"}))
            async with house(tmp_path, embed) as home, asyncio.timeout(20):
                first, again = [await home.post("/v1/embeddings", body, KEY).done() for _ in range(2)]
                assert (first.status, first.body) == (200, again.body)
                assert again.headers[REPLAYED] == "true"
                assert len(upstream.log) == 1

    asyncio.run(scene())


def test_a_request_that_is_sent_again_meanwhile_joins(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first = home.chat(headers=KEY, stream=True).start()
        await first.until(lambda visit: visit.text == "one")
        second = home.chat(headers=KEY, stream=True).start()
        await second.until(lambda visit: visit.text == "one")
        assert not first.complete
        gate.set()
        await first.done()
        await second.done()
        assert first.body == second.body
        assert first.text == "onetwo"
        assert second.headers == {**first.headers, REPLAYED: "true"}
        assert len(upstream.log) == 1
        assert home.row().outcome == "completed"
        assert home.metric("gearshift_repeats_total", how="joined") == 1

    play(tmp_path, told, gated(gate))


def test_the_call_goes_on_when_the_first_caller_leaves(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first = home.chat(headers=KEY, stream=True).start()
        await first.until(lambda visit: visit.text == "one")
        second = home.chat(headers=KEY, stream=True).start()
        await second.until(lambda visit: visit.text == "one")
        first.leave()
        await first.done()
        assert not upstream.log[0].gone.is_set()
        gate.set()
        await second.done()
        assert (second.text, second.ended_well) == ("onetwo", True)
        assert (home.row().outcome, len(upstream.log)) == ("completed", 1)

    play(tmp_path, told, gated(gate))


def test_when_all_have_left_the_upstream_is_let_go_and_a_retry_asks_anew(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first = home.chat(headers=KEY, stream=True).start()
        await first.until(lambda visit: visit.text == "one")
        second = home.chat(headers=KEY, stream=True).start()
        await second.until(lambda visit: visit.text == "one")
        for visit in (first, second):
            visit.leave()
            await visit.done()
        await upstream.log[0].gone.wait()
        third = await home.chat(headers=KEY, stream=True).done()
        assert (third.text, third.ended_well) == ("all", True)
        assert REPLAYED not in third.headers
        assert len(upstream.log) == 2
        assert [row.outcome for row in home.rows()] == ["cancelled", "completed"]

    play(tmp_path, told, gated(asyncio.Event()), streams("all"))


def test_another_request_under_the_key_is_refused_in_the_caller_s_protocol(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        await home.chat(headers=KEY).done()
        other = await home.chat(headers=KEY, temperature=1).done()
        assert (other.status, other.json["error"]["code"]) == (422, "idempotency_key_reused")
        assert "use a new key" in other.json["error"]["message"]
        assert other.headers["x-should-retry"] == "false"
        elsewhere = await home.post("/v1/messages", MESSAGES, KEY).done()
        assert elsewhere.status == 422
        assert elsewhere.json["type"] == "error"
        assert [row.error for row in home.rows()] == [None, "idempotency_key_reused", "idempotency_key_reused"]
        assert len(upstream.log) == 1

    play(tmp_path, told, answers())


def test_callers_never_get_each_other_s_answers(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        bodies = []
        for key in ("sk-one", "sk-two", "sk-one"):
            visit = await home.chat(headers={**KEY, "authorization": f"Bearer {key}"}).done()
            bodies.append(visit.json["choices"][0]["message"]["content"])
        assert bodies == ["first", "second", "first"]
        wrong = await home.chat(headers={**KEY, "authorization": "Bearer sk-three"}).done()
        assert wrong.status == 401
        assert len(upstream.log) == 2

    play(tmp_path, told, answers("first"), answers("second"), keys=["sk-one", "sk-two"])


def test_an_upstream_s_no_to_the_request_is_final(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first, again = [await home.chat(headers=KEY).done() for _ in range(2)]
        assert first.status == again.status == 400
        assert (first.body, again.headers[REPLAYED]) == (again.body, "true")
        assert len(upstream.log) == 1

    play(tmp_path, told, refuses(400, "too long"), answers())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first, again, third = [await home.chat(headers=KEY).done() for _ in range(3)]
        assert first.status >= 429
        assert (again.status, again.headers.get(REPLAYED)) == (200, None)
        assert (third.body, third.headers[REPLAYED]) == (again.body, "true")
        assert len(upstream.log) == 2

    play(tmp_path, told, refuses(status), answers())


def test_a_stream_that_broke_is_tried_again(tmp_path: Path) -> None:
    gate = asyncio.Event()
    gate.set()

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        first, again = [await home.chat(headers=KEY, stream=True).done() for _ in range(2)]
        assert first.complete
        assert not first.ended_well
        assert (again.text, again.ended_well) == ("all", True)
        assert len(upstream.log) == 2

    play(tmp_path, told, gated(gate, breaks=True), streams("all"))


def test_what_was_refused_before_anybody_was_asked_binds_nobody(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        assert (await home.chat("nosuch", headers=KEY).done()).status == 404
        assert (await home.chat(headers=KEY).done()).status == 200
        assert len(upstream.log) == 1

    play(tmp_path, told, answers())


def test_a_gateway_that_is_stopped_tells_all_who_listen(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        visits = [home.chat(headers=KEY, stream=True).start() for _ in range(2)]
        for visit in visits:
            await visit.until(lambda visit: visit.text == "one")
        for visit in visits:
            visit.cancel()
        for visit in visits:
            with suppress(asyncio.CancelledError):
                await visit.done()
            assert visit.events[-1]["error"]["code"] == "shutting_down"
            assert visit.complete
        assert home.row().error == "shutting_down"
        await upstream.log[0].gone.wait()

    play(tmp_path, told, gated(asyncio.Event()))


def test_a_long_answer_is_passed_on_but_not_kept(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        home.app.adopt(changed(home, repeats=bounded(home, 200)), home.views)
        for _ in range(2):
            visit = await home.chat(headers=KEY).done()
            assert (visit.status, visit.headers.get(REPLAYED)) == (200, None)
        assert len(upstream.log) == 2

    play(tmp_path, told, answers("x" * 500))


def test_a_long_answer_under_way_can_be_joined_by_nobody(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        home.app.adopt(changed(home, repeats=bounded(home, 9)), home.views)
        first = home.chat(headers=KEY, stream=True).start()
        await first.until(lambda visit: visit.text == "one")
        second = await home.chat(headers=KEY, stream=True).done()
        assert (second.status, second.json["error"]["code"]) == (409, "idempotency_key_in_use")
        gate.set()
        assert (await first.done()).ended_well
        assert len(upstream.log) == 1

    play(tmp_path, told, gated(gate))


def test_an_answer_is_kept_for_as_long_as_the_config_says(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        home.app.adopt(changed(home, kept_for=0.0), home.views)
        for _ in range(2):
            assert REPLAYED not in (await home.chat(headers=KEY).done()).headers
        assert len(upstream.log) == 2

    play(tmp_path, told, answers())


def test_a_changed_config_leaves_what_is_kept(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        await home.chat(headers=KEY).done()
        home.app.adopt(home.inference, home.views)
        assert (await home.chat(headers=KEY).done()).headers[REPLAYED] == "true"
        assert len(upstream.log) == 1

    play(tmp_path, told, answers())


def test_the_caller_s_own_framing_is_kept(tmp_path: Path) -> None:
    path = "/v1beta/models/auto:streamGenerateContent"

    async def told(home: House, upstream: ScriptedUpstream) -> None:
        array = await home.post(path, CONTENTS, KEY).done()
        events = await Visit(
            home.app, path, method="POST", body=json.dumps(CONTENTS).encode(), headers=KEY, query="alt=sse"
        ).done()
        assert array.body.startswith(b"[")
        assert events.body.startswith(b"data: ")
        assert events.headers[REPLAYED] == "true"
        assert len(upstream.log) == 1

    play(tmp_path, told, sends(*stream_events("one", "two")))


def test_the_key_goes_to_no_upstream_and_into_no_header(tmp_path: Path) -> None:
    async def told(home: House, upstream: ScriptedUpstream) -> None:
        visit = await home.chat(headers={"idempotency-key": "private-key"}).done()
        assert "private-key" not in repr(upstream.log[0].headers)
        assert "private-key" not in repr(visit.headers)
        assert "x-gearshift-dropped" not in visit.headers

    play(tmp_path, told, answers())
