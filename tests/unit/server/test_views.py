from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gearshift.errors import StoreUnavailable
from gearshift.server import views
from gearshift.server.views import generation
from gearshift.storage.log import Log
from gearshift.storage.store import row
from tests.fakes.house import serving
from tests.fakes.nouns import attempt, exchange, failed
from tests.fakes.upstream import answers, refuses, says

# Models


def test_models_are_listed_with_their_routers(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get("/v1/models").done()
            assert [each["id"] for each in visit.json["data"]] == ["auto", "small"]

    asyncio.run(scene())


@pytest.mark.parametrize("name", ["auto", "small", "at-small/small"])
def test_one_model_is_shown(tmp_path: Path, name: str) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get(f"/v1/models/{name}").done()
            assert (visit.status, visit.json["id"]) == (200, name)

    asyncio.run(scene())


def test_an_unknown_model_is_a_404_naming_close_matches(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get("/v1/models/smal").done()
            assert (visit.status, visit.json["error"]["code"]) == (404, "model_not_found")
            assert "'small'" in visit.json["error"]["message"]

    asyncio.run(scene())


# Deciding


def test_a_dry_run_gives_the_decision(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, upstream):
            body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}
            visit = await home.post("/v1/route", body).done()
            assert (visit.status, visit.json["chosen"], visit.json["router"]) == (200, "at-small/small", "auto")
            assert {"candidates", "rejected", "propensity", "objective", "flip"} <= visit.json.keys()
            assert upstream.log == []

    asyncio.run(scene())


def test_a_dry_run_obeys_the_headers_of_inference(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}
            visit = await home.post("/v1/route", body, headers={"x-gearshift-max-cost-usd": "0"}).done()
            assert (visit.status, visit.json["error"]["code"]) == (422, "no_candidate")
            decision = visit.json["gearshift"]["decision"]
            assert (decision["chosen"], decision["candidates"], decision["reason"]) == (None, [], "no_candidate")
            assert [(each["deployment"], each["reason"]) for each in decision["rejected"]] == [
                ("at-small/small", "max_cost")
            ]
            assert visit.json["error"]["metadata"]["rejected"] == decision["rejected"]
            bad = await home.post("/v1/route", body, headers={"x-gearshift-max-cost-usd": "free"}).done()
            assert bad.status == 400

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-gearshift-cache": "on"}, 400),
        ({"cf-aig-metadata": "free"}, 400),
        ({"cf-aig-metadata": '{"plan":"paid"}'}, 400),
        ({"x-session-id": "other"}, 400),
        ({"x-gearshift-max-cost-usd": "0"}, 422),
        ({"cf-aig-metadata": '{"plan":"free"}', "x-session-id": "s"}, 200),
    ],
)
def test_a_dry_run_and_inference_say_the_same_of_headers(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            steers = {"metadata": {"plan": "free"}, "session_id": "s"}
            body = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], **steers}
            dry = await home.post("/v1/route", body, headers=headers).done()
            wet = await home.post("/v1/chat/completions", body, headers=headers).done()
            assert (dry.status, wet.status) == (status, status)
            assert dry.json.get("error") == wet.json.get("error")

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b'{"model":"x","messages":[]}', 400), (b"x" * (11 << 20), 413)]
)
def test_a_dry_run_of_nonsense_is_refused(tmp_path: Path, body: bytes, status: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.post("/v1/route", body).done()
            assert visit.status == status
            assert visit.json["error"]["message"]

    asyncio.run(scene())


# Feedback


def test_feedback_on_an_exchange_and_a_session_is_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            await home.chat(headers={"x-session-id": "s"}).done()
            first = await home.post("/v1/feedback", {"exchange_id": "gx-1", "score": 1, "label": "right"}).done()
            second = await home.post("/v1/feedback", {"session_id": "s", "score": 0.5, "comment": "so so"}).done()
            assert (first.status, first.json, second.status) == (200, {"accepted": True}, 200)
            home.store.flush(5)
            assert home.store.scores() == {"gx-1": 0.75}

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "found an empty body"),
        (b'{"score":"1","exchange_id":"a"}', "score", "found a string, expected a number from 0 to 1"),
        (b'{"exchange_id":"a"}', "score", "score: missing"),
        (b'{"score":1,"exchange_id":"a","stars":1}', "stars", "stars: not known here"),
        (b'{"score":1}', "exchange_id", "found neither"),
        (b'{"score":1,"exchange_id":"a","session_id":"b"}', "exchange_id", "found both"),
    ],
)
def test_feedback_that_cannot_be_taken_names_its_field(
    tmp_path: Path, body: bytes, param: str | None, words: str
) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.post("/v1/feedback", body).done()
            assert (visit.status, visit.json["error"]["param"]) == (400, param)
            assert words in visit.json["error"]["message"]

    asyncio.run(scene())


@pytest.mark.parametrize("about", [{"exchange_id": "nowhere"}, {"session_id": "nowhere"}, {"exchange_id": ""}])
def test_feedback_on_what_nobody_knows_is_a_404(tmp_path: Path, about: dict[str, str]) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.post("/v1/feedback", {**about, "score": 1}).done()
            assert (visit.status, visit.json["error"]["code"]) == (404, "exchange_not_found")

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        {"score": 1},
        {"exchange_id": "gx-1"},
        {"exchange_id": "gx-1", "session_id": "s", "score": 1},
        {"exchange_id": "gx-1", "score": 1.01},
        {"exchange_id": "gx-1", "score": -0.01},
        {"exchange_id": "gx-1", "score": "1"},
        {"exchange_id": "gx-1", "score": True},
        b'{"exchange_id":"gx-1","score":NaN}',
        b'{"exchange_id":"gx-1","score":1e999}',
        {"exchange_id": 1, "score": 1},
        {"exchange_id": "gx-1", "score": 1, "comment": "x" * 4001},
        {"exchange_id": "gx-1", "score": 1, "label": "x" * 4001},
        {"exchange_id": "gx-1", "score": 1, "sc0re": 1},
        {"exchange_id": "gx-1", "score": 1, "x" * 100_000: 1},
    ],
)
def test_feedback_that_is_none_is_a_400_that_says_why(tmp_path: Path, body: object) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            await home.chat().done()
            visit = await home.post("/v1/feedback", body).done()
            assert (visit.status, visit.json["error"]["code"]) == (400, "invalid_request")
            assert len(visit.body) < 1000
            home.store.flush(5)
            assert home.store.scores() == {}

    asyncio.run(scene())


# Generations


def test_a_generation_is_found_by_both_its_ids_right_after_its_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            answer = await home.chat().done()
            by_ours = await home.get("/v1/generation", f"id={answer.headers['x-gearshift-exchange-id']}").done()
            by_theirs = await home.get("/v1/generation", f"id={answer.json['id']}").done()
            assert by_ours.json == by_theirs.json
            told = by_ours.json["data"]
            assert (told["id"], told["upstream_id"], told["model"]) == ("gx-1", "chatcmpl-1", "small")
            assert (told["total_cost"], told["native_tokens_prompt"], told["native_tokens_completion"]) == (
                17e-6,
                11,
                3,
            )
            assert (told["provider_name"], told["router"], told["requested_model"]) == ("at-small", "auto", "auto")
            assert (told["cancelled"], told["streamed"], told["usage_estimated"]) == (False, False, False)
            assert 0 < told["latency"] <= told["generation_time"]
            assert told["attempts"][0]["billing"] == "billed"
            assert told["decision"]["chosen"] == "at-small/small"

    asyncio.run(scene())


def test_a_failed_exchange_has_a_generation_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(500)) as (home, _):
            await home.chat().done()
            told = (await home.get("/v1/generation", "id=gx-1").done()).json["data"]
            assert (told["outcome"], told["status"], told["error"]) == ("failed", 502, "upstream_refused")
            assert (told["model"], told["native_tokens_prompt"], told["latency"]) == (None, None, None)
            assert told["total_cost"] == 0

    asyncio.run(scene())


def test_a_cancelled_exchange_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, says(b"")) as (home, upstream):
            visit = home.chat().start()
            await upstream.request()
            visit.leave()
            await visit.done()
            told = (await home.get("/v1/generation", "id=gx-1").done()).json["data"]
            assert (told["cancelled"], told["usage_estimated"]) == (True, True)
            assert told["total_cost"] > 0

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("id=", 400), ("x=1", 400), ("id=nowhere", 404), ("id=%FF", 404)]
)
def test_a_generation_that_is_not_there_is_refused(tmp_path: Path, query: str, status: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get("/v1/generation", query).done()
            assert visit.status == status
            assert visit.json["error"]["param"] in {"id", None}

    asyncio.run(scene())


def test_an_unknown_cost_is_null() -> None:
    assert generation(row(exchange(cost=None)))["total_cost"] is None
    assert generation(row(exchange(attempts=[failed(), attempt(2)])))["total_cost"] == 2e-5


# Health


def test_the_process_is_alive_and_ready(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            assert (await home.get("/healthz").done()).json == {"status": "ok"}
            assert (await home.get("/readyz").done()).json == {"status": "ok", "degraded": []}

    asyncio.run(scene())


def test_a_failing_disk_degrades_but_answers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "FLUSH_SECONDS", 0.1)

    def full(_log: Log, _entries: object) -> None:
        raise StoreUnavailable("the log cannot be written (OperationalError: database or disk is full)")

    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            with monkeypatch.context() as broken:
                broken.setattr(Log, "write", full)
                assert (await home.chat().done()).status == 200
                assert not home.store.flush(0.1)
                ready = await home.get("/readyz").done()
                assert (ready.status, ready.json["status"]) == (200, "degraded")
                assert "takes no rows" in ready.json["degraded"][0]
                for lost in (
                    home.get("/v1/generation", "id=gx-1"),
                    home.post("/v1/feedback", {"exchange_id": "gx-1", "score": 1}),
                ):
                    visit = await lost.done()
                    assert (visit.status, visit.json["error"]["code"]) == (503, "store_unavailable")
            assert home.store.flush(5)
            assert (await home.get("/readyz").done()).json["status"] == "ok"
            assert (await home.get("/v1/generation", "id=gx-1").done()).status == 200

    asyncio.run(scene())


def test_a_log_that_cannot_be_read_is_a_503(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            with closing(sqlite3.connect(tmp_path / "gearshift.db")) as database:
                database.execute("DROP TABLE exchanges")
            visit = await home.get("/v1/generation", "id=gx-1").done()
            assert (visit.status, visit.json["error"]["code"]) == (503, "store_unavailable")

    asyncio.run(scene())


def test_metrics_are_prometheus_text(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            await home.chat().done()
            visit = await home.get("/metrics").done()
            assert visit.headers["content-type"].startswith("text/plain; version=")
            assert b'gearshift_requests_total{model="small"' in visit.body

    asyncio.run(scene())
