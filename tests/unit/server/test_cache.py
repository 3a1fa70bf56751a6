"""The response cache through the whole gateway: hits, misses, joins, and what is never kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gearshift.server.auth import digest_of
from gearshift.types.access import Caller
from tests.fakes.house import House, house, served_by
from tests.fakes.upstream import Scene, ScriptedUpstream, answers, completion, refuses, sends, stream_events, streams

DAY = 86_400.0
MESSAGE = {"role": "assistant", "content": "cut"}
Play = Callable[[House, ScriptedUpstream], Awaitable[None]]


def play(folder: Path, scene: Play, *scenes: Scene, ttl: float | None = DAY) -> None:
    async def run() -> None:
        async with ScriptedUpstream(*scenes) as upstream, house(folder, served_by(upstream), cache_ttl=ttl) as home:
            await scene(home, upstream)

    asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_again_is_given_the_same_bytes_and_calls_nobody(tmp_path: Path, stream: bool) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        first = await home.chat(stream=stream).done()
        again = await home.chat(stream=stream).done()
        assert (first.headers["x-gearshift-cache"], again.headers["x-gearshift-cache"]) == ("miss", "hit")
        assert again.body == first.body
        assert (again.status, again.complete, again.headers["x-gearshift-cost-usd"]) == (200, True, "0")
        assert again.headers["age"] == "0"
        assert again.headers["x-gearshift-model"] == "small"
        assert len(upstream.log) == 1
        made, hit = home.rows()
        assert (hit.cache, hit.cost, hit.baseline_cost, hit.attempts) == ("hit", 0, made.cost, "[]")
        assert made.cache is None
        assert home.metric("gearshift_cache_total", result="hit") == 1

    play(tmp_path, scene, streams("Hel", "lo") if stream else answers(), answers())


def test_the_same_at_the_same_time_is_asked_once(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        visits = [home.chat(stream=True).start() for _ in range(50)]
        for visit in visits:
            await visit.done()
        assert len(upstream.log) == 1
        assert len({visit.body for visit in visits}) == 1
        assert all(visit.ended_well for visit in visits)
        assert sorted(visit.headers["x-gearshift-cache"] for visit in visits) == ["hit"] * 49 + ["miss"]

    play(tmp_path, scene, sends(*stream_events("Hel"), 0.05))


def test_callers_never_share_an_answer(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        home.inference.keys.learn({digest_of("a"): Caller(id="a"), digest_of("b"): Caller(id="b")})
        for key in ("a", "b", "a", "b"):
            await home.chat(headers={"authorization": f"Bearer {key}"}).done()
        assert len(upstream.log) == 2

    play(tmp_path, scene, answers("for a"), answers("for b"))


@pytest.mark.parametrize(
    "first",
    [
        refuses(400),
        refuses(500),
        answers(choices=[{"index": 0, "message": {"role": "assistant", "content": "cut"}, "finish_reason": "length"}]),
        answers(
            choices=[{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}]
        ),
    ],
    ids=["rejected", "failed", "cut short", "filtered"],
)
def test_what_is_not_whole_is_never_kept(tmp_path: Path, first: Scene) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        await home.chat().done()
        again = await home.chat().done()
        assert (again.status, again.headers["x-gearshift-cache"]) == (200, "miss")
        assert len(upstream.log) == 2

    play(tmp_path, scene, first, answers())


def test_a_stream_that_broke_is_never_kept(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        broken = await home.chat(stream=True).done()
        assert not broken.ended_well
        again = await home.chat(stream=True).done()
        assert again.ended_well
        assert len(upstream.log) == 2

    play(tmp_path, scene, sends(*stream_events("Hel", "lo")[:2], then="reset"), streams("Hel", "lo"))


def test_callers_say_what_they_want_of_it(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        async def ask(**headers: str) -> tuple[str, str]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            visit = await home.chat(headers=named).done()
            return visit.headers["x-gearshift-cache"], visit.json["choices"][0]["message"]["content"]

        assert await ask() == ("miss", "1")
        assert await ask(x_gearshift_cache="off") == ("off", "2")
        assert await ask(cf_aig_skip_cache="true") == ("off", "3")
        assert await ask() == ("hit", "1")
        assert await ask(x_gearshift_cache="refresh") == ("miss", "4")
        assert await ask() == ("hit", "4")
        assert await ask(x_gearshift_metadata="enabled") == ("off", "5")

    play(tmp_path, scene, *(answers(str(number)) for number in range(1, 6)))


def test_where_it_is_off_every_answer_is_fresh(tmp_path: Path) -> None:
    async def scene(home: House, upstream: ScriptedUpstream) -> None:
        for _ in range(2):
            visit = await home.chat(headers={"cf-aig-cache-ttl": "60"}).done()
            assert visit.headers["x-gearshift-cache"] == "off"
        assert len(upstream.log) == 2

    play(tmp_path, scene, answers(), answers(), ttl=None)


def test_answers_are_forgotten_when_they_are_old_purged_or_too_many(tmp_path: Path) -> None:
    async def scene(home: House, _: ScriptedUpstream) -> None:
        short = {"cf-aig-cache-ttl": "1"}
        await home.chat(headers=short).done()
        await asyncio.sleep(1.1)
        assert (await home.chat().done()).headers["x-gearshift-cache"] == "miss"
        assert home.inference.cache.purge() == 1
        assert home.inference.cache.purge() == 0
        assert (await home.chat().done()).headers["x-gearshift-cache"] == "miss"
        size = len(completion()) * 3
        home.inference.cache.bound(total=size, each=size)
        for number in range(20):
            await home.chat(temperature=number / 10).done()
        assert (await home.chat(temperature=1.9).done()).headers["x-gearshift-cache"] == "hit"
        assert (await home.chat(temperature=0.1).done()).headers["x-gearshift-cache"] == "miss"

    play(tmp_path, scene, *[answers()] * 30)
