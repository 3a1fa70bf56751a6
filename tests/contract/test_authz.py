"""Every route is somebody's: the whole matrix of routes and roles, and no route that is not in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from gearshift.server import paths
from gearshift.server.admin.roles import TABLE
from gearshift.types.access import ROLES, Role
from tests.fakes.asgi import Visit
from tests.fakes.house import House, house, served_by
from tests.fakes.upstream import ScriptedUpstream

BOSS = {"authorization": "Bearer boss", "content-type": "application/json"}
OPEN: Final = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
"""Routes that ask nobody for a key: up or down, and counts without names."""
KEYED: Final = {
    *(("POST", path) for path in paths.INFERENCE),
    ("POST", paths.COUNT),
    ("GET", "/v1/models"),
    ("GET", paths.GEMINI_MODELS),
    ("POST", "/v1/route"),
    ("POST", paths.FEEDBACK),
    ("GET", "/v1/generation"),
}
"""Routes for every key."""


async def operations(home: House) -> dict[str, tuple[str, str]]:
    """Give method and path of each route of the admin API, by the name of its function."""
    told = (await home.get("/openapi.json", headers=BOSS).done()).json
    found: dict[str, tuple[str, str]] = {}
    for path, methods in told["paths"].items():
        for method, about in methods.items():
            name = about["operationId"].partition("_admin_v1")[0]
            found[name] = (method.upper(), path)
    return found


async def ask(home: House, method: str, path: str, key: str | None) -> Visit:
    headers = {"content-type": "application/json", **({} if key is None else {"authorization": f"Bearer {key}"})}
    body = b"{}" if method in {"POST", "PATCH"} else b""
    filled = path.replace("{key_id}", "key_x").replace("{exchange_id}", "gx-x")
    return await Visit(home.app, filled, method=method, body=body, headers=headers).done()


def test_every_route_of_the_admin_api_is_in_the_table_and_none_is_open(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            found = await operations(home)
            assert {*found, "openapi"} == set(TABLE)
            keys: dict[Role, str] = {}
            for role in ROLES:
                made = await home.post("/admin/v1/keys", {"name": role, "role": role}, headers=BOSS).done()
                keys[role] = made.json["key"]
            for name, (method, path) in found.items():
                assert (await ask(home, method, path, None)).status == 401, name
                for role in ROLES:
                    visit = await ask(home, method, path, keys[role])
                    allowed = ROLES.index(role) >= ROLES.index(TABLE[name])
                    assert (visit.status != 403) == allowed, (name, role, visit.body)
                    assert visit.status < 500, (name, role, visit.body)

    asyncio.run(scene())


def test_every_other_route_is_open_or_asks_for_a_key(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            routes: dict[tuple[str, str], Any] = home.app._routes  # noqa: SLF001 - all that there are
            assert set(routes) == OPEN | KEYED
            for method, path in routes:
                visit = await ask(home, method, path, None)
                assert (visit.status == 401) == ((method, path) in KEYED), path
            for path in (
                "/v1beta/models/small:generateContent",
                "/v1/models/small",
                "/v1beta/models/small:countTokens",
            ):
                method = "GET" if path.endswith("small") else "POST"
                assert (await ask(home, method, path, None)).status == 401, path

    asyncio.run(scene())


@pytest.mark.parametrize("field", ["authorization", "x-api-key", "x-goog-api-key"])
@pytest.mark.parametrize("poison", ["' OR 1=1 --", "%", "_", "x\x00y", "a" * 5000, "gs-", "Bearer", "\xff"])
def test_no_word_in_the_place_of_a_key_opens_anything(tmp_path: Path, field: str, poison: str) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            await home.post("/admin/v1/keys", {"name": "real"}, headers=BOSS).done()
            shown = f"Bearer {poison}" if field == "authorization" else poison
            for path in ("/v1/models", "/admin/v1/whoami"):
                assert (await home.get(path, headers={field: shown}).done()).status == 401

    asyncio.run(scene())
