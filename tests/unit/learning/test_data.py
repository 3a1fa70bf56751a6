from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import DataError
from gearshift.learning.data import OutcomeTable, group, load, load_prompts, position, split, table_of
from gearshift.learning.features import plain_text


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(**values: object) -> dict[str, object]:
    return {"prompt": "why?", "model": "a", "score": 1.0, **values}


def test_rows_become_matrices_with_nan_for_what_is_not_observed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.jsonl",
        row(prompt="one", model="b", score=0.5, cost_usd=0.1, output_tokens=7),
        row(prompt="one", model="a", score=1),
        row(prompt="two", model="a", score=0, task="t"),
    )
    table = load([path])
    assert table.models == ("a", "b")
    assert [prompt.dataset for prompt in table.prompts] == ["o", "o"]
    np.testing.assert_array_equal(table.quality, [[1, 0.5], [0, np.nan]])
    np.testing.assert_array_equal(table.cost_usd, [[np.nan, 0.1], [np.nan, np.nan]])
    np.testing.assert_array_equal(table.output_tokens, [[np.nan, 7], [np.nan, np.nan]])


def test_a_prompt_and_model_seen_twice_are_averaged_and_counted(tmp_path: Path) -> None:
    table = load([write(tmp_path / "o.jsonl", row(score=1, cost_usd=2.0), row(score=0))])
    assert table.quality.tolist() == [[0.5]]
    assert table.cost_usd.tolist() == [[2.0]]
    assert table.averaged == 1


def test_rows_without_a_prompt_are_counted_and_left_out(tmp_path: Path) -> None:
    table = load([write(tmp_path / "o.jsonl", row(prompt=None, prompt_id="x"), row())])
    assert (len(table.prompts), table.without_text) == (1, 1)


def test_messages_stand_for_a_prompt(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]
    table = load([write(tmp_path / "o.jsonl", {"messages": turns, "model": "a", "score": 1})])
    request = table.prompts[0].request
    assert [message.role for message in request.messages] == ["system", "user"]
    assert plain_text(request) == "be brief\nwhy?"


def test_the_same_prompt_id_in_two_data_sets_is_two_prompts(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", row(prompt_id=1))
    two = write(tmp_path / "two.jsonl", row(prompt_id=1, prompt="other"))
    assert len(load([one, two]).prompts) == 2


def test_models_can_be_renamed_and_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "o.jsonl", row(model="a"), row(model="b"))
    assert load([path], rename=lambda _, model: {"a": "A"}.get(model)).models == ("A",)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"score": 1.5}, "row 2, column score: found 1.5"),
        ({"score": float("nan")}, "row 2, column score: found nan"),
        ({"score": "good"}, "row 2, column score: expected `float`"),
        ({"score": None}, "row 2, column score: expected `float`"),
        ({"model": None}, "row 2, column model: expected `str`"),
        ({"cost_usd": -1.0}, "row 2, column cost_usd: found -1.0"),
        ({"output_tokens": float("inf")}, "row 2, column output_tokens: found inf"),
        ({"prompt_id": "one", "prompt": "other"}, "row 2, column prompt_id: found one again"),
    ],
)
def test_a_bad_value_is_named_with_file_row_and_column(tmp_path: Path, bad: dict[str, object], said: str) -> None:
    path = write(tmp_path / "o.jsonl", row(prompt_id="one"), row(**bad))
    with pytest.raises(DataError) as raised:
        load([path])
    assert said in raised.value.message
    assert str(path) in raised.value.message


def test_no_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no outcome with a prompt"):
        load([write(tmp_path / "o.jsonl")])
    with pytest.raises(DataError, match="1 rows have none"):
        load([write(tmp_path / "o.jsonl", row(prompt=None))])


def test_prompts_are_read_without_scores(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.jsonl", {"prompt": "a", "prompt_id": 7}, {"prompt": "a", "prompt_id": 7}, {"prompt": "b"}
    )
    assert load_prompts(path)[0].id == "7"
    assert len(load_prompts(path)) == 2
    with pytest.raises(DataError, match="no row with a prompt"):
        load_prompts(write(tmp_path / "e.jsonl", {"prompt": None}))


def test_wordings_of_one_question_are_one_group() -> None:
    assert group("What is 2+2?\nA. 3\nB. 4\nAnswer:") == group("what is  2 + 2\n(A) 4\n(B) 3")
    assert group("What is 2+2?") != group("What is 2+3?")
    assert group("\uff46\uff55ll") == group("full")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30), st.floats(0, 1), st.integers(0, 9))
def test_a_split_puts_each_group_on_one_side(texts: list[str], fraction: float, seed: int) -> None:
    rows = [row(prompt=text + ending, model=model) for text in texts for ending in ("", "!") for model in "ab"]
    rest, held = split(table_of(rows), fraction, seed)
    groups = [{prompt.group for prompt in side.prompts} for side in (rest, held)]
    assert not groups[0] & groups[1]
    assert len(rest.prompts) + len(held.prompts) == len(table_of(rows).prompts)


def test_a_split_is_the_same_for_ever(table: OutcomeTable) -> None:
    first = split(table, 0.3, 7)[1]
    again = split(table.take(np.arange(len(table.prompts))[::-1]), 0.3, 7)[1]
    assert {prompt.id for prompt in first.prompts} == {prompt.id for prompt in again.prompts}
    assert 0.2 < len(first.prompts) / len(table.prompts) < 0.4
    prompt = table_of([row(prompt="a fixed prompt")]).prompts[0]
    assert position(prompt, 0) == pytest.approx(0.8051779, abs=1e-6)


def test_taking_unknown_models_names_them(table: OutcomeTable) -> None:
    with pytest.raises(DataError, match="no outcomes of absent"):
        table.take(np.arange(3), ["small", "absent"])


def test_models_that_nobody_observed_are_left_out(table: OutcomeTable) -> None:
    quality = table.quality.copy()
    quality[:, 0] = np.nan
    part = OutcomeTable(
        prompts=table.prompts,
        models=table.models,
        quality=quality,
        cost_usd=table.cost_usd,
        input_tokens=table.input_tokens,
        output_tokens=table.output_tokens,
    )
    assert part.observed().models == table.models[1:]


def test_the_digest_changes_with_the_data(table: OutcomeTable) -> None:
    rows = np.arange(len(table.prompts))
    assert table.digest == table.take(rows).digest
    assert table.digest != table.take(rows[:-1]).digest


def test_recorded_data_loads(data_dir: Path) -> None:
    table = load([data_dir / "evalperf.parquet"])
    assert len(table.models) == 34
    assert table.without_text > 0
    assert np.nanmin(table.quality) >= 0
