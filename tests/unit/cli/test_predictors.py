"""Which artefacts a config decides by; that broken ones are named is in `test_assemble.py`."""

from __future__ import annotations

from pathlib import Path

from gearshift.cli.predictors import predictor_path, wanted
from gearshift.config import from_mapping
from gearshift.learning.artifact import builtin_path


def test_only_routers_that_choose_want_an_artefact() -> None:
    stated = {
        "providers": {"lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:1/v1"}},
        "models": {"small": {"deployments": [{"provider": "lab"}]}},
        "routers": {"auto": {"candidates": ["small"], "predictor": "here"}, "canary": {"weights": {"small": 1}}},
    }
    assert wanted(from_mapping(stated, source="test", environ={})) == {"routers.auto.predictor": "here"}


def test_builtin_is_what_ships() -> None:
    assert predictor_path("builtin") == builtin_path()
    assert predictor_path("mine") == Path("mine")
