from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gearshift.cli.site import make_upstream, open_site
from gearshift.config import Config, from_mapping
from gearshift.errors import ConfigError
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proxied import AiohttpUpstream


def test_a_proxy_in_the_environment_is_spoken_to_by_aiohttp() -> None:
    assert isinstance(make_upstream({}), Http1Upstream)
    assert isinstance(make_upstream({"HTTPS_PROXY": "http://proxy:3128"}), AiohttpUpstream)
    assert isinstance(make_upstream({"http_proxy": "http://proxy:3128"}), AiohttpUpstream)


def test_closing_an_upstream_that_never_called_is_fine() -> None:
    asyncio.run(make_upstream({}).close())


def test_a_site_has_its_store_open(tmp_path: Path) -> None:
    site = open_site(config(tmp_path), {})
    try:
        assert site.store.flush(5)
        assert (tmp_path / "log.db").exists()
        assert (tmp_path / "log.db.ledger").is_dir()
    finally:
        site.store.close()


def test_a_place_where_no_ledger_can_be_is_a_fault_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"ledger\.path: cannot write to .*file/ledger"):
        open_site(config(tmp_path, path=str(tmp_path / "file" / "ledger")), {})


def config(folder: Path, **ledger: str) -> Config:
    lab = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:1/v1"}
    stated = {
        "store": f"sqlite:///{folder / 'log.db'}",
        "ledger": ledger,
        "providers": {"lab": lab},
        "models": {"small": {"deployments": [{"provider": "lab"}]}},
    }
    return from_mapping(stated, source="the test", environ={})
