"""What the admin API shows, and how it says no."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakes.house import house, served_by
from tests.fakes.upstream import ScriptedUpstream, answers

BOSS = {"authorization": "Bearer boss", "content-type": "application/json"}


def test_what_was_used_is_shown(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(answers()) as upstream,
            house(tmp_path, served_by(upstream), admin="boss") as home,
        ):
            await home.chat(headers=BOSS).done()
            assert home.store.flush(5)
            (used,) = (await home.get("/admin/v1/usage", "by=model,key", headers=BOSS).done()).json["usage"]
            assert (used["model"], used["attempts"], used["cost_usd"]) == ("small", 1, 1.7e-05)
            (row,) = (await home.get("/admin/v1/exchanges", "router=auto", headers=BOSS).done()).json["exchanges"]
            one = (await home.get(f"/admin/v1/exchanges/{row['id']}", headers=BOSS).done()).json
            assert one["attempts"][0]["deployment"] == "at-small/small"
            (place,) = (await home.get("/admin/v1/deployments", headers=BOSS).done()).json["deployments"]
            assert (place["id"], place["healthy"], place["input_usd_per_million"]) == ("at-small/small", True, 1.0)
            (router,) = (await home.get("/admin/v1/routers", headers=BOSS).done()).json["routers"]
            assert router["name"] == "auto"

    asyncio.run(scene())


def test_errors_say_what_was_found_and_expected(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            for path, query, status, said in (
                ("/admin/v1/nowhere", "", 404, "expected a route of /openapi.json"),
                ("/admin/v1/keys/key_x", "", 404, "found no key 'key_x'"),
                ("/admin/v1/exchanges/gx-x", "", 404, "found no exchange"),
                ("/admin/v1/usage", "by=moon", 400, "expected some of key, team"),
                ("/admin/v1/usage", "by=key,key,key,key,key,key", 400, "at most 5"),
                ("/admin/v1/usage", "since=-1", 400, "since:"),
                ("/admin/v1/exchanges", "prompt=x", 400, "found the filters prompt"),
                ("/admin/v1/exchanges", "limit=1000", 400, "limit:"),
            ):
                visit = await home.get(path, query, headers=BOSS).done()
                assert (visit.status, said in visit.json["error"]["message"]) == (status, True), path
            bad = await home.post("/admin/v1/keys", b"{", headers=BOSS).done()
            assert (bad.status, bad.json["error"]["code"]) == (400, "invalid_request")
            wrong = await home.post("/admin/v1/whoami", {}, headers=BOSS).done()
            assert wrong.status == 405

    asyncio.run(scene())


def test_it_describes_itself(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            told = (await home.get("/openapi.json", headers=BOSS).done()).json
            assert "/admin/v1/keys/{key_id}/rotate" in told["paths"]
            assert (await home.get("/openapi.json").done()).status == 401

    asyncio.run(scene())
