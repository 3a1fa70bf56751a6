from __future__ import annotations

import json
from pathlib import Path

import pytest

from gearshift.learning.artifact import builtin_path, read
from tools import build_artifacts
from tools.build_artifacts import MARKS, MODELS, PAGE, document, renaming


def test_entries_get_the_name_of_their_model_and_others_none() -> None:
    rename = renaming({"gpt-4o": {"a": ["gpt4o", "gpt4o@host"], "b": ["GPT-4o"]}})
    assert rename("a", "gpt4o@host") == rename("b", "GPT-4o") == "gpt-4o"
    assert rename("b", "gpt4o") is None


def test_the_stated_models_are_sound() -> None:
    stated = json.loads(MODELS.read_text(encoding="utf-8"))
    entries = [(at, entry) for model in stated["models"].values() for at, found in model.items() for entry in found]
    assert len(entries) == len(set(entries))
    assert {at for at, _ in entries} == {source["dataset"] for source in stated["sources"]}
    assert set(stated["aliases"].values()) <= set(stated["models"])
    assert not set(stated["aliases"]) & set(stated["models"])


def test_the_page_shows_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(build_artifacts, "PAGE", page)
    document(read(builtin_path()).manifest)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{MARKS[0]}\nTrained on ")
    assert text.endswith(f"{MARKS[1]}\nafter\n")
    assert "| kor_bench | " in text
    assert "old" not in text
    shown = PAGE.read_text(encoding="utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]
    assert shown in text  # the page in docs/ is of the artefact that ships
