"""Hedging, shown through the whole gateway: real sockets, the real driver, the real log."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gearshift.errors import UpstreamUnreachable
from gearshift.execution.health import IN_A_ROW, Health, Pass
from gearshift.types.catalog import Quirks
from tests.fakes.asgi import Visit
from tests.fakes.house import LIMITS, house, served_by
from tests.fakes.nouns import PRICE, deployment, provider
from tests.fakes.upstream import Scene, ScriptedUpstream, event, refuses, says, sends, stream_events, streams

HEDGED = replace(LIMITS, hedge_after=0.1, first_token_timeout=0.6, answer_timeout=0.6)


def late(seconds: float, *texts: str) -> Scene:
    return sends(seconds, *stream_events(*texts))


async def asked(
    folder: Path, first: Scene, second: Scene, *, stream: bool = True
) -> tuple[Visit, list[dict[str, Any]], int]:
    """Ask `small`, then `large`; give the answer, the attempts and how often `large` was called."""
    async with (
        ScriptedUpstream(first) as one,
        ScriptedUpstream(second) as other,
        house(folder, served_by(one, "small"), served_by(other, "large"), limits=HEDGED) as home,
    ):
        visit = await home.chat(stream=stream).done()
        found: list[dict[str, Any]] = json.loads(home.row().attempts)
        return visit, sorted(found, key=lambda each: str(each["id"])), len(other.log)


def test_a_quick_answer_is_not_hedged(tmp_path: Path) -> None:
    visit, attempts, calls = asyncio.run(asked(tmp_path, streams("Hello"), streams("other")))
    assert (visit.text, len(attempts), calls) == ("Hello", 1, 0)


def test_a_slow_one_is_outrun_and_both_are_recorded(tmp_path: Path) -> None:
    visit, attempts, _ = asyncio.run(asked(tmp_path, says(b"", "hang"), streams("Hello")))
    assert (visit.status, visit.text, visit.ended_well) == (200, "Hello", True)
    assert visit.headers["x-gearshift-model"] == "large"
    first, second = attempts
    assert (first["model"], first["purpose"], first["error"]) == ("small", "answer", "upstream_outrun")
    assert (first["billing"], first["usage_estimated"]) == ("maybe_billed", True)
    assert (second["model"], second["purpose"], second["error"]) == ("large", "hedge", None)
    assert second["started_s"] - first["started_s"] >= 0.1


def test_the_first_may_still_win(tmp_path: Path) -> None:
    visit, attempts, _ = asyncio.run(asked(tmp_path, late(0.2, "Hello"), says(b"", "hang")))
    assert (visit.text, visit.headers["x-gearshift-model"]) == ("Hello", "small")
    assert [(each["purpose"], each["error"]) for each in attempts] == [("answer", None), ("hedge", "upstream_outrun")]


def test_a_hedge_that_fails_harms_nobody(tmp_path: Path) -> None:
    visit, attempts, _ = asyncio.run(asked(tmp_path, late(0.2, "Hello"), refuses(500)))
    assert (visit.text, visit.headers["x-gearshift-model"]) == ("Hello", "small")
    assert [each["error"] for each in attempts] == [None, "upstream_refused"]


def test_a_first_that_fails_leaves_the_answer_to_its_hedge(tmp_path: Path) -> None:
    first = sends(0.15, event({"role": "assistant", "content": ""}), then="reset")
    visit, attempts, _ = asyncio.run(asked(tmp_path, first, late(0.2, "Hello")))
    assert (visit.text, visit.headers["x-gearshift-model"]) == ("Hello", "large")
    assert [each["error"] is None for each in attempts] == [False, True]


def test_when_both_fail_the_first_one_s_error_is_told(tmp_path: Path) -> None:
    visit, attempts, _ = asyncio.run(asked(tmp_path, says(b"", "hang"), refuses(500)))
    assert (visit.status, visit.json["error"]["code"]) == (504, "upstream_timeout")
    assert [each["error"] for each in attempts] == ["upstream_timeout", "upstream_refused"]


def test_only_streams_are_hedged(tmp_path: Path) -> None:
    visit, attempts, calls = asyncio.run(asked(tmp_path, says(b"", "hang"), streams("Hello"), stream=False))
    assert attempts[0]["purpose"] == "answer"
    assert all(each["purpose"] == "answer" for each in attempts)
    assert visit.status in {200, 502, 504}
    assert calls <= 1


@pytest.mark.parametrize("wait", [0.05, 0.15])
def test_a_caller_who_leaves_ends_both(tmp_path: Path, wait: float) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(says(b"", "hang")) as one,
            ScriptedUpstream(says(b"", "hang")) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large"), limits=HEDGED) as home,
        ):
            visit = home.chat(stream=True)
            running = asyncio.create_task(visit.done())
            await asyncio.sleep(wait)
            visit.leave()
            await running
            for upstream in (one, other):
                for seen in upstream.log:
                    await asyncio.wait_for(seen.gone.wait(), 2)
            found = json.loads(home.row().attempts)
            assert {each["error"] for each in found} == {"caller_left"}
            assert len(found) == 1 + (wait > HEDGED.hedge_after if HEDGED.hedge_after else 0)

    asyncio.run(scene())


def test_who_rests_when_its_turn_comes_is_not_called(tmp_path: Path) -> None:
    """It was well when the race began; what happened meanwhile counts."""

    async def scene() -> None:
        health = Health()
        async with (
            ScriptedUpstream(late(0.3, "Hello")) as one,
            ScriptedUpstream(streams("other")) as other,
            house(tmp_path, served_by(one, "small"), served_by(other, "large"), limits=HEDGED, health=health) as home,
        ):
            visit = home.chat(stream=True)
            running = asyncio.create_task(visit.done())
            await asyncio.sleep(0.02)
            for _ in range(IN_A_ROW):
                health.ended(Pass(), served_by(other, "large"), UpstreamUnreachable("down"), time.monotonic())
            await running
            assert (visit.text, len(other.log)) == ("Hello", 0)

    asyncio.run(scene())


def test_a_loser_that_is_paid_for_whole_is_read_to_its_end(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(late(0.25, "All", " of", " it")) as one,
            ScriptedUpstream(streams("Hello")) as other,
        ):
            at = provider("at-small", one.base_url, quirks=Quirks(on_cancel="drain"))
            paid = deployment("small", at, price=PRICE)
            async with house(tmp_path, paid, served_by(other, "large"), limits=HEDGED) as home:
                visit = await home.chat(stream=True).done()
                assert visit.text == "Hello"
                async with asyncio.timeout(2):
                    while home.drains.running:  # noqa: ASYNC110 - nobody is told
                        await asyncio.sleep(0.01)
                first, second = sorted(json.loads(home.row().attempts), key=lambda each: str(each["id"]))
                assert (first["error"], first["usage_estimated"], first["billing"]) == (
                    "upstream_outrun",
                    False,
                    "billed",
                )
                assert second["error"] is None

    asyncio.run(scene())
