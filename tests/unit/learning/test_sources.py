from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from gearshift.errors import DataError
from gearshift.learning.data import table_of
from gearshift.learning.features import plain_text
from gearshift.learning.files import write_parquet
from gearshift.learning.sources import read_arena, read_routellm, read_routerbench

WEAK, STRONG = "mistralai/mixtral-8x7b-chat", "gpt-4-1106-preview"
BENCH: dict[str, list[object]] = {
    "sample_id": ["mmlu-anatomy.val.5", "grade-school-math.dev.1", "mtbench-math.dev.2"],
    "prompt": ["['Choose A or B.', 'What is a \"bone\"?']", "2+2?", "[not a list]"],
    "eval_name": ["mmlu-anatomy", "grade-school-math", "mtbench-math"],
    WEAK: [0.0, None, 0.25],
    STRONG: [1.0, 1.0, 0.9],
    f"{WEAK}|model_response": ["['A']", "", "['x']"],
    f"{STRONG}|model_response": ["['B']", "['4']", "['y']"],
    f"{WEAK}|total_cost": [2.5e-05, 1e-05, None],
    f"{STRONG}|total_cost": [0.0012, 0.0, 0.01],
    "oracle_model_to_route_to": [STRONG, STRONG, WEAK],
}


def write_csv(path: Path, columns: dict[str, list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))
    return path


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def bench(folder: Path, ending: str) -> Path:
    path = folder / f"routerbench_0shot{ending}"
    if ending == ".csv":
        return write_csv(path, BENCH)
    if ending == ".parquet":
        write_parquet(path, BENCH)
        return path
    return write_lines(path, *(dict(zip(BENCH, values, strict=True)) for values in zip(*BENCH.values(), strict=True)))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_routerbench_becomes_one_row_per_prompt_and_model(tmp_path: Path, ending: str) -> None:
    rows = read_routerbench(bench(tmp_path, ending))
    assert rows[0] == {
        "prompt": 'Choose A or B.\nWhat is a "bone"?',
        "prompt_id": "mmlu-anatomy.val.5",
        "dataset": "routerbench_0shot",
        "task": "mmlu-anatomy",
        "model": WEAK,
        "score": 0.0,
        "cost_usd": 2.5e-05,
    }
    table = table_of(rows)
    assert table.models == (STRONG, WEAK)
    np.testing.assert_array_equal(table.quality, [[1, 0], [1, np.nan], [0.9, 0.25]])
    np.testing.assert_array_equal(table.cost_usd, [[0.0012, 2.5e-05], [0, np.nan], [0.01, np.nan]])
    assert [plain_text(prompt.request) for prompt in table.prompts][1:] == ["2+2?", "[not a list]"]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("['a']", "a"),
        ("[\"it's\", 'b']", "it's\nb"),
        (["a", "b"], "a\nb"),
        ("['a', 1, 'b']", "['a', 1, 'b']"),
        ("['a' 'b'", "['a' 'b'"),
        ("['a', __import__('os').system('x'), 'b']", "['a', __import__('os').system('x'), 'b']"),
        ("['" + "[" * 5_000 + "']", "[" * 5_000),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_a_prompt_may_be_a_list_of_texts_and_is_never_run(tmp_path: Path, prompt: object, text: str) -> None:
    path = write_lines(tmp_path / "b.jsonl", {"prompt": prompt, "m": 1, "m|total_cost": 1})
    assert [row["prompt"] for row in read_routerbench(path)] == [text]


def test_a_prompt_without_text_is_left_to_the_table_to_count(tmp_path: Path) -> None:
    good = {"prompt": "a", "m": 1, "m|total_cost": 1}
    path = write_lines(tmp_path / "b.jsonl", good, {**good, "prompt": None})
    assert table_of(read_routerbench(path)).without_text == 1


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"prompt": "a", "m": 1}, "row 1: found no column prompt, MODEL and MODEL|total_cost"),
        ({"prompt": "a", "m|total_cost": 1}, "row 1: found no column prompt, MODEL and"),
        ({"m": 1, "m|total_cost": 1}, "row 1: found no column prompt"),
        ({"prompt": "a", "m": 1.5, "m|total_cost": 1}, "row 1, column m: found 1.5; expected a score from 0 to 1"),
        ({"prompt": "a", "m": "good", "m|total_cost": 1}, "row 1, column m: found 'good'; expected a number, True,"),
        ([], "row 1: found a list; expected an object"),
    ],
)
def test_a_fault_of_routerbench_names_row_and_column(tmp_path: Path, row: object, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        read_routerbench(write_lines(tmp_path / "b.jsonl", row))
    assert fault in str(caught.value)


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "routerbench_0shot.pkl"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match="pickles are never read: write it anew with pandas' to_parquet"):
        read_routerbench(path)


GSM8K: dict[str, list[object]] = {
    "prompt": ["How many\neggs?", 'A "robe"?', "known"],
    WEAK: ["True", "False", "True"],
    STRONG: ["True", "True", ""],
    f"{WEAK}_response": ["16 - 7", "x" * 200_000, ""],
    f"{STRONG}_response": ["9", "3", ""],
}


def test_routellms_answers_to_gsm8k(tmp_path: Path) -> None:
    rows = read_routellm(write_csv(tmp_path / "gsm8k_responses.csv", GSM8K))
    assert rows[0] == {"prompt": "How many\neggs?", "dataset": "gsm8k", "task": "", "model": WEAK, "score": 1.0}
    table = table_of(rows)
    assert table.models == (STRONG, WEAK)
    np.testing.assert_array_equal(table.quality, [[1, 1], [1, 0], [np.nan, 1]])
    assert np.isnan(table.cost_usd).all()


def test_routellms_answers_to_a_domain_of_mmlu(tmp_path: Path) -> None:
    columns = {name: GSM8K[name] for name in ("prompt", WEAK, STRONG)}
    rows = read_routellm(write_csv(tmp_path / "mmlu_abstract_algebra.csv", columns), without={"known"})
    assert {(row["dataset"], row["task"]) for row in rows} == {("mmlu", "abstract_algebra")}
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("question,a\nx,True\n", "row 1: found columns question, a; expected prompt and one for each model"),
        ("prompt\nx\n", "row 1: found columns prompt; expected prompt and one for each model"),
        ("prompt,a\nx,True,False\n", "row 1: found 3 values; expected 2, one for each column"),
        ("prompt,a,a\nx,True,False\n", "found the column a twice; expected each once"),
        ('prompt,a\nx,True\n"y,True\n', "row 2: found no valid CSV"),
        ("prompt,a\nx,maybe\n", "row 1, column a: found 'maybe'; expected a number, True, False or nothing"),
    ],
)
def test_a_fault_of_routellm_names_the_row(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "mmlu_x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_routellm(path)
    assert fault in str(caught.value)


def test_a_csv_of_another_encoding_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "mmlu_x.csv"
    path.write_bytes(b"prompt,a\n\xff,True\n")
    with pytest.raises(DataError, match="found no valid CSV"):
        read_routellm(path)


def says(*texts: object) -> list[dict[str, object]]:
    turns: list[dict[str, object]] = []
    for text in texts:
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": "an answer"}]
    return turns


def vote(winner: str, *texts: object, a: str = "vicuna", b: str = "alpaca") -> dict[str, object]:
    return {
        "model_a": a,
        "model_b": b,
        "winner": winner,
        "conversation_a": says(*texts),
        "conversation_b": says(*texts),
    }


def test_votes_become_preferences(tmp_path: Path) -> None:
    pieces = [{"type": "text", "text": "What is it?"}, {"type": "image", "image": "x.png", "mimeType": "image/png"}]
    path = write_lines(
        tmp_path / "arena.jsonl",
        vote("model_a", "Hi"),
        vote("model_b", "Hi", "And now?", b="gpt-4"),
        vote("tie", pieces),
        vote("tie (bothbad)", "Hi"),
        vote("both_bad", "Hi"),
        vote("model_a", [{"type": "image", "image": "x.png"}]),
        {"model_a": "a", "model_b": "b", "winner": "model_a", "conversation": says("Short form")},
        {"model_a": "a", "model_b": "b", "winner": "model_b", "prompt": "Shorter"},
    )
    table = read_arena(path)
    assert table.models == ("a", "alpaca", "b", "gpt-4", "vicuna")
    np.testing.assert_array_equal(table.pairs, [[4, 1], [4, 3], [4, 1], [4, 1], [4, 1], [0, 2], [0, 2]])
    np.testing.assert_array_equal(table.outcome, [1, 0, 0.5, 0.5, 0.5, 1, 0])
    np.testing.assert_array_equal(table.both_bad, [False, False, False, True, True, False, False])
    texts = [plain_text(prompt.request) for prompt in table.prompts]
    assert texts == ["Hi", "Hi\nAnd now?", "What is it?", "Hi", "Hi", "Short form", "Shorter"]
    assert table.without_text == 1
    assert table.prompts[0].group == table.prompts[3].group
    assert {prompt.dataset for prompt in table.prompts} == {"arena"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (vote("nobody", "Hi"), "row 1, column winner: found 'nobody'; expected model_a, model_b, tie"),
        (vote("tie", "Hi", b="vicuna"), "row 1, column model_b: found 'vicuna' again; expected another model"),
        ({"model_a": "a", "winner": "tie"}, "row 1, object missing required field `model_b`"),
        (vote("tie"), "found no vote with words (1 have none); expected at least one"),
        (vote("tie", 5), "row 1, column conversation_a[0].content: expected"),
    ],
)
def test_a_fault_of_a_vote_names_row_and_column(tmp_path: Path, row: object, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        read_arena(write_lines(tmp_path / "arena.jsonl", row))
    assert fault in str(caught.value)
