"""The snapshot says where it comes from, and stays small."""

from __future__ import annotations

from datetime import date

from gearshift.catalog import facts
from gearshift.config.rows import builtin
from gearshift.types.catalog import CAPABILITIES, Lifecycle


def test_the_snapshot_says_where_it_comes_from_and_under_which_licence() -> None:
    snapshot = facts.read()

    assert snapshot.source.startswith("models.dev, through ")
    assert date.fromisoformat(snapshot.date) >= date(2026, 8, 1)
    assert snapshot.licence.startswith("MIT License\nCopyright (c) ")
    assert "WITHOUT WARRANTY OF ANY KIND" in snapshot.licence


def test_the_snapshot_has_the_providers_that_have_a_row_and_no_others() -> None:
    assert set(facts.read().providers) == {name for name, row in builtin().items() if row.catalog_id is not None}


def test_the_snapshot_is_small() -> None:
    assert facts.FILE.stat().st_size <= 300_000


def test_every_entry_is_a_model_that_can_be_called() -> None:
    for models in facts.read().providers.values():
        for model, found in models.items():
            assert model
            assert (found.context_window or 0) > 0
            assert found.max_output_tokens is None or found.max_output_tokens > 0
            assert found.capabilities is not None
            assert found.capabilities <= CAPABILITIES


def test_a_known_model() -> None:
    found = facts.read().find("openai", "gpt-5.5")

    assert found.context_window == 1_050_000
    assert found.max_output_tokens == 128_000
    assert found.capabilities == frozenset({"tools", "vision", "files", "json_schema", "reasoning"})


def test_what_is_not_in_the_snapshot_is_not_known() -> None:
    snapshot = facts.read()

    for found in (snapshot.find("openai", "gpt-none"), snapshot.find("nobody", "gpt-5.5")):
        assert (found.context_window, found.max_output_tokens, found.capabilities) == (None, None, None)


def test_a_model_without_capabilities_is_not_one_whose_capabilities_are_unknown() -> None:
    assert facts.Facts(1, 1, "").capabilities == frozenset()
    assert facts.Facts(1, 1).capabilities is None


def test_the_only_snapshot_of_a_model_is_known() -> None:
    snapshot = facts.read()
    assert snapshot.only_snapshot("anthropic", "claude-haiku-4-5") == "claude-haiku-4-5-20251001"
    assert snapshot.only_snapshot("anthropic", "claude-haiku-4-5-20251001") is None
    assert snapshot.only_snapshot("openai", "gpt-4o") is None  # it has three
    assert snapshot.only_snapshot("openai", "gpt-5.5") is None  # none is known
    assert snapshot.only_snapshot("nowhere", "gpt-5.5") is None


def test_the_end_of_a_model_is_a_day_or_that_it_is_deprecated() -> None:
    snapshot = facts.read()
    assert set(snapshot.ends) <= set(builtin())
    days = [day for models in snapshot.ends.values() for day in models.values()]
    assert all(date.fromisoformat(day) for day in days if day)
    assert snapshot.lifecycle("openai", "gpt-4-0613") == Lifecycle(retires="2026-10-23", source="LiteLLM")
    deprecated = next(name for name, day in snapshot.ends["mistral"].items() if not day)
    assert snapshot.lifecycle("mistral", deprecated) == Lifecycle(source="models.dev")
    assert snapshot.lifecycle("openai", "gpt-none") is None
