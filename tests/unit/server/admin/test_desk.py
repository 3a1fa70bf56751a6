from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakes.house import house, served_by
from tests.fakes.upstream import ScriptedUpstream


def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream() as upstream, house(tmp_path, served_by(upstream), admin="boss") as home:
            visit = await home.post(
                "/admin/v1/reload", {}, headers={"authorization": "Bearer boss", "content-type": "application/json"}
            ).done()
            assert visit.status == 400
            assert "started without one" in visit.json["error"]["message"]

    asyncio.run(scene())
