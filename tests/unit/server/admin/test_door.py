"""Who comes in, and that nobody pays for what nobody uses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.house import house, served_by
from tests.fakes.upstream import ScriptedUpstream

WHO = "/admin/v1/whoami"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_the_framework_is_not_loaded_by_serving() -> None:
    code = "import sys, gearshift.cli.assemble; assert not {'fastapi', 'starlette', 'sqlalchemy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own


def test_a_key_is_asked_for_once_there_is_one(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            assert (await home.get(WHO).done()).status == 401
            assert (await home.get(WHO, headers=bearer("wrong")).done()).status == 401
            visit = await home.get(WHO, headers=bearer("boss")).done()
            assert (visit.status, visit.json["role"], visit.json["name"]) == (200, "admin", "admin key")
            assert (await home.get(WHO, headers={"cookie": "key=boss"}).done()).status == 401

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:4000", 200),
        ("localhost", 200),
        ("[::1]:4000", 200),
        ("evil.example.org", 403),
        ("127.0.0.1.evil.example.org", 403),
        ("localhost:4000@evil", 403),
        ("", 403),
    ],
)
def test_without_any_key_it_is_this_machine_s_only(tmp_path: Path, host: str, status: int) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream)) as home:
            visit = await home.get(WHO, headers={"host": host}).done()
            assert visit.status == status
            if status == 403:
                assert visit.json["error"]["code"] == "forbidden"

    asyncio.run(scene())
