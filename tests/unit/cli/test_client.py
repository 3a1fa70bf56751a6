from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.cli.client import NoGateway, client
from tests.fakes.upstream import closed_port

CONFIG = """
server: {port: 4999}
providers: {lab: {protocol: openai_chat, base_url: "http://127.0.0.1:1/v1"}}
models: {small: {deployments: [{provider: lab}]}}
"""


def test_the_gateway_is_where_the_config_has_it(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(CONFIG)
    assert client(None, tmp_path / "g.yaml").url == "http://127.0.0.1:4999"
    assert client("http://there:1/", tmp_path / "g.yaml").url == "http://there:1"


def test_no_gateway_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(CONFIG)
    with pytest.raises(NoGateway, match="start one with `gearshift serve`"):
        client(f"http://127.0.0.1:{closed_port()}", tmp_path / "g.yaml").get("/keys")
