from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.cli.assemble import assemble, prepare
from gearshift.cli.notices import announce
from gearshift.config import from_mapping


def test_the_end_of_a_model_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    document = {
        "store": f"sqlite:///{tmp_path / 'log.db'}",
        "providers": {"openai": {"key": "env:KEY"}},
        "models": {name: {"deployments": [{"provider": "openai"}]} for name in ("gpt-4-0613", "gpt-5.5")},
    }
    config, environ = from_mapping(document, source="test", environ={}), {"KEY": "made-up"}
    assembly = assemble(config, environ)
    try:
        announce(assembly)
        assembly.adopt(prepare(config, environ))
        announce(assembly)
    finally:
        assembly.gateway.pacer.close()
        assembly.site.store.close()
    ((event, fields),) = [(record.message, record.__dict__["fields"]) for record in caplog.records]
    assert (event, fields["deployment"]) == ("model_ends", "openai/gpt-4-0613")
    assert fields["notice"].startswith("gpt-4-0613 was to be retired on 2026-10-23, says LiteLLM")
