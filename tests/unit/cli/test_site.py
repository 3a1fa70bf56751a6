from __future__ import annotations

import asyncio
from pathlib import Path

from gearshift.cli.site import make_upstream, open_site
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proxied import AiohttpUpstream


def test_a_proxy_in_the_environment_is_spoken_to_by_aiohttp() -> None:
    assert isinstance(make_upstream({}), Http1Upstream)
    assert isinstance(make_upstream({"HTTPS_PROXY": "http://proxy:3128"}), AiohttpUpstream)
    assert isinstance(make_upstream({"http_proxy": "http://proxy:3128"}), AiohttpUpstream)


def test_closing_an_upstream_that_never_called_is_fine() -> None:
    asyncio.run(make_upstream({}).close())


def test_a_site_has_its_store_open(tmp_path: Path) -> None:
    site = open_site(tmp_path / "log.db", {})
    try:
        assert site.store.flush(5)
        assert (tmp_path / "log.db").exists()
    finally:
        site.store.close()
