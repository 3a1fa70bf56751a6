"""Budgets by way of the API: made, looked at, raised, ended; nonsense is refused with what was expected."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.asgi import Visit
from tests.fakes.house import House, house, served_by
from tests.fakes.upstream import ScriptedUpstream, answers

BOSS = {"authorization": "Bearer boss", "content-type": "application/json"}
TEAM = {"scope": "team", "value": "red", "usd": 5, "per": "month"}


async def change(home: House, name: str, body: bytes, method: str = "PATCH") -> Visit:
    return await Visit(home.app, f"/admin/v1/budgets/{name}", method=method, body=body, headers=BOSS).done()


def test_a_limit_holds_from_when_it_is_made_until_it_is_ended(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(*[answers()] * 5) as upstream,
            house(tmp_path, served_by(upstream), admin="boss") as home,
        ):
            form = {"scope": "all", "unit": "requests", "amount": 1, "per": "day"}
            made = (await home.post("/admin/v1/budgets", form, headers=BOSS).done()).json
            assert (await home.chat(headers=BOSS).done()).status == 200
            assert (await home.chat(headers=BOSS).done()).status == 429
            (shown,) = (await home.get("/admin/v1/budgets", headers=BOSS).done()).json["budgets"]
            assert (shown["used"], shown["held"], shown["left"], shown["limit"]) == (1, 0, 0, 1)
            assert 0 < shown["resets_in_s"] <= 86_400
            assert (await change(home, made["id"], b'{"usd": 5}')).status == 400
            assert (await change(home, made["id"], b'{"amount": 2}')).json["limit"] == 2
            assert (await home.chat(headers=BOSS).done()).status == 200
            assert (await home.chat(headers=BOSS).done()).status == 429
            assert (await change(home, made["id"], b"", "DELETE")).json == {"deleted": made["id"]}
            assert (await home.chat(headers=BOSS).done()).status == 200
            assert (await change(home, made["id"], b"", "DELETE")).status == 404

    asyncio.run(scene())


@pytest.mark.parametrize(
    "form",
    [
        {},
        {**TEAM, "usd": -1},
        {**TEAM, "usd": "NaN"},
        {**TEAM, "usd": None},
        {**TEAM, "amount": 5},
        {**TEAM, "per": None},
        {**TEAM, "per": "year"},
        {**TEAM, "value": ""},
        {**TEAM, "scope": "all"},
        {**TEAM, "scope": "tag"},
        {**TEAM, "scope": "planet"},
        {**TEAM, "unit": "requests"},
        {"scope": "all", "unit": "requests", "amount": 1.5, "per": "day"},
        {"scope": "all", "unit": "requests", "amount": 2**60, "per": "day"},
        {"scope": "all", "unit": "concurrent", "amount": 5, "per": "day"},
        {**TEAM, "mode": "lenient"},
    ],
)
def test_what_is_no_limit_is_refused(tmp_path: Path, form: dict[str, object]) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            visit = await home.post("/admin/v1/budgets", form, headers=BOSS).done()
            assert (visit.status, visit.json["error"]["code"]) == (400, "invalid_request"), visit.body

    asyncio.run(scene())
