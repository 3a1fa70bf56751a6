from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakes.house import serving
from tests.fakes.upstream import answers


def test_a_bad_header_is_a_400_with_a_row(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, upstream):
            visit = await home.chat(headers={"x-gearshift-max-cost-usd": "free"}).done()
            assert (visit.status, visit.json["error"]["code"]) == (400, "invalid_request")
            assert "x-gearshift-max-cost-usd" in visit.json["error"]["message"]
            assert home.row().status == 400
            assert upstream.log == []

    asyncio.run(scene())


def test_the_key_s_id_is_in_the_row_and_the_key_nowhere(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers(), keys=["sk-virtual"]) as (home, _):
            visit = await home.chat(headers={"authorization": "Bearer sk-virtual"}).done()
            assert visit.status == 200
            assert home.row().key is not None
            assert "sk-virtual" not in repr(home.row())

    asyncio.run(scene())
