from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gearshift.errors import DataError
from gearshift.learning.data import table_of
from gearshift.learning.manifest import Charge
from gearshift.learning.prices import read_prices, with_costs


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_price_is_per_token_or_per_call(tmp_path: Path) -> None:
    found = read_prices(written(tmp_path, "a: [0.5, 2]\nb: 0.01\nc: 0\n"))
    assert found == {
        "a": Charge(input_price=0.5, output_price=2.0),
        "b": Charge(cost_usd=0.01),
        "c": Charge(cost_usd=0.0),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found no mapping"),
        ("- 1", "found no mapping"),
        ("a: cheap", "prices.yaml: a: found 'cheap'"),
        ("a: [1, 2, 3]", "prices.yaml: a: found"),
        ("a: -1", "expected numbers of at least 0"),
        ("a: [1, .inf]", "expected numbers of at least 0"),
        ("a: .nan", "expected numbers of at least 0"),
        ("a: true", "found 'True'"),
        ("a: [", "found no readable YAML"),
        ("a: " + "1" * 1_100_000, "found more than"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("[", r"\[")):
        read_prices(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no readable YAML"):
        read_prices(tmp_path / "none.yaml")


def test_only_unknown_costs_are_filled_in_and_only_where_they_can_be() -> None:
    rows: list[dict[str, object]] = [
        {"prompt": "p", "prompt_id": "1", "model": "tokens", "score": 1, "input_tokens": 1000, "output_tokens": 500},
        {"prompt": "q", "prompt_id": "2", "model": "tokens", "score": 1, "input_tokens": 1000},
        {"prompt": "p", "prompt_id": "1", "model": "call", "score": 1},
        {"prompt": "q", "prompt_id": "2", "model": "call", "score": 1, "cost_usd": 7.0},
        {"prompt": "p", "prompt_id": "1", "model": "none", "score": 1},
    ]
    stated = {"tokens": Charge(input_price=1.0, output_price=4.0), "call": Charge(cost_usd=0.5)}
    found = with_costs(table_of(rows), stated)
    cost = {name: found.cost_usd[:, column] for column, name in enumerate(found.models)}
    assert cost["tokens"][0] == pytest.approx(0.003)
    assert np.isnan(cost["tokens"][1])
    assert cost["call"].tolist() == [0.5, 7.0]
    assert np.isnan(cost["none"]).all()
