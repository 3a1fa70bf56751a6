"""Keys by way of the API: made, used, limited, rotated, revoked; nobody gets more than they have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fakes.asgi import Visit
from tests.fakes.house import House, house, served_by
from tests.fakes.upstream import ScriptedUpstream, answers

BOSS = {"authorization": "Bearer boss", "content-type": "application/json"}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


@asynccontextmanager
async def home_of(folder: Path) -> AsyncIterator[House]:
    async with (
        ScriptedUpstream(*[answers()] * 9) as upstream,
        house(folder, served_by(upstream), served_by(upstream, "large"), admin="boss") as home,
    ):
        yield home


async def make(home: House, headers: dict[str, str] = BOSS, **form: object) -> Visit:
    return await home.post("/admin/v1/keys", {"name": "test", **form}, headers=headers).done()


def play(scene: Callable[[House], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        async with home_of(folder) as home:
            await scene(home)

    asyncio.run(run())


def test_a_key_that_was_made_opens_at_once_and_one_that_was_revoked_no_more(tmp_path: Path) -> None:
    async def scene(home: House) -> None:
        made = (await make(home, team="red", user="ada")).json
        assert (await home.chat(headers=bearer(made["key"])).done()).status == 200
        row = home.row()
        assert row.key == made["id"]
        shown = (await home.get(f"/admin/v1/keys/{made['id']}", headers=BOSS).done()).json
        assert shown == {name: value for name, value in made.items() if name != "key"}
        revoked = await home.post(f"/admin/v1/keys/{made['id']}/revoke", {}, headers=BOSS).done()
        assert revoked.json["revoked"] is not None
        refused = await home.chat(headers=bearer(made["key"])).done()
        assert (refused.status, "revoked" in refused.json["error"]["message"]) == (401, True)

    play(scene, tmp_path)


def test_a_key_may_use_what_it_may_use(tmp_path: Path) -> None:
    async def scene(home: House) -> None:
        made = (await make(home, scopes={"models": ["large"]})).json
        visit = await home.chat(headers=bearer(made["key"])).done()
        assert (visit.status, visit.headers["x-gearshift-model"]) == (200, "large")
        named = await home.chat("small", headers=bearer(made["key"])).done()
        assert (named.status, named.json["error"]["code"]) == (403, "forbidden")
        assert "may not use the model small; it may use large" in named.json["error"]["message"]
        only = (await make(home, scopes={"routers": ["nothing"]})).json
        assert (await home.chat(headers=bearer(only["key"])).done()).status == 403

    play(scene, tmp_path)


def test_what_is_left_out_of_a_change_stays(tmp_path: Path) -> None:
    async def scene(home: House) -> None:
        made = (await make(home, team="red", scopes={"models": ["large"]})).json
        visit = Visit(
            home.app,
            f"/admin/v1/keys/{made['id']}",
            method="PATCH",
            body=b'{"name": "other", "team": null}',
            headers=BOSS,
        )
        changed: dict[str, Any] = (await visit.done()).json
        assert (changed["name"], changed["team"], changed["scopes"]["models"]) == ("other", None, ["large"])

    play(scene, tmp_path)


def test_a_rotated_key_is_another_with_the_same_rights(tmp_path: Path) -> None:
    async def scene(home: House) -> None:
        made = (await make(home, scopes={"models": ["large"]})).json
        new = (await home.post(f"/admin/v1/keys/{made['id']}/rotate", {"grace_seconds": 60}, headers=BOSS).done()).json
        assert new["scopes"] == made["scopes"]
        for key in (made["key"], new["key"]):
            assert (await home.chat(headers=bearer(key)).done()).status == 200
        again = await home.post(f"/admin/v1/keys/{new['id']}/rotate", {}, headers=BOSS).done()
        assert again.status == 201
        assert (await home.chat(headers=bearer(new["key"])).done()).status == 401

    play(scene, tmp_path)


def test_nobody_makes_or_changes_what_is_above_them(tmp_path: Path) -> None:
    async def scene(home: House) -> None:
        operator = (await make(home, role="operator")).json
        admin = (await make(home, role="admin")).json
        theirs = bearer(operator["key"])
        assert (await make(home, theirs)).status == 201
        assert (await make(home, theirs, role="operator")).status == 403
        assert (await home.post(f"/admin/v1/keys/{admin['id']}/revoke", {}, headers=theirs).done()).status == 403
        assert (await home.post(f"/admin/v1/keys/{admin['id']}/rotate", {}, headers=theirs).done()).status == 403
        plain = (await make(home)).json
        assert (await make(home, bearer(plain["key"]))).status == 403
        assert (await home.get("/admin/v1/keys", headers=bearer(plain["key"])).done()).status == 403

    play(scene, tmp_path)
