from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import DataError
from gearshift.simulate.answer import AnswerRefused, Card, End, Prompt, Turn
from gearshift.simulate.replay import Replay, digest, load_replay, read_mark, write_mark
from gearshift.types.chat import Usage

COLUMNS = {
    "prompt": ["One?", "One?", "Two?", None, "Twice?", "Twice?", "Half?"],
    "model": ["strong", "weak", "strong", "strong", "strong", "strong", "strong"],
    "score": [1.0, 0.0, 0.25, 1.0, 1.0, 0.0, 0.5],
    "input_tokens": [12.0, float("nan"), 7.0, 1.0, 10.0, 11.0, None],
    "output_tokens": [30.0, None, 9.0, 1.0, 20.0, 30.0, None],
    "response": [None, None, None, None, None, None, "nine bytes"],
}


def written(folder: Path, columns: dict[str, list[object]] | None = None, name: str = "outcomes.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(columns or COLUMNS), path)
    return path


def answer_of(model: Replay, question: str) -> tuple[str, Usage]:
    async def ask() -> tuple[str, Usage]:
        turns = (Turn(role="system", text="12345678"), Turn(role="user", text=question))
        text, end = [piece async for piece in model.answer(Prompt(turns=turns, max_tokens=1))]
        assert isinstance(text, str)
        assert isinstance(end, End)
        return text, end.usage

    return asyncio.run(ask())


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Replay]:
    return {model.card.id: model for model in load_replay([written(tmp_path)])}


def test_every_model_of_the_file_is_served_and_labelled(models: dict[str, Replay]) -> None:
    assert list(models) == ["strong", "weak"]
    description = "recorded outcomes of strong on 4 prompts; the answer is its score, not its words"
    assert models["strong"].card == Card(id="strong", owned_by="replay", description=description, simulated=True)
    assert models["strong"].state == "ready"


def test_the_recorded_score_and_tokens_come_back(models: dict[str, Replay]) -> None:
    assert answer_of(models["strong"], "One?") == ("[[right]]", Usage(input_tokens=12, output_tokens=30))
    assert answer_of(models["strong"], "Two?") == ("[[score=0.25]]", Usage(input_tokens=7, output_tokens=9))


def test_what_was_not_recorded_is_estimated_and_says_so(models: dict[str, Replay]) -> None:
    expected = Usage(input_tokens=2 + 1, output_tokens=3, estimated=True)  # the sent messages and the mark
    assert answer_of(models["weak"], "One?") == ("[[wrong]]", expected)
    expected = Usage(input_tokens=2 + 2, output_tokens=3, estimated=True)  # the recorded response has 10 bytes
    assert answer_of(models["strong"], "Half?") == ("[[score=0.5]]", expected)


def test_a_text_that_was_recorded_twice_gives_the_mean(models: dict[str, Replay]) -> None:
    assert answer_of(models["strong"], "Twice?") == ("[[score=0.5]]", Usage(input_tokens=10, output_tokens=25))


@pytest.mark.parametrize(("model", "question"), [("weak", "Two?"), ("strong", "one?"), ("strong", "One? ")])
def test_a_prompt_without_a_record_is_unknown(models: dict[str, Replay], model: str, question: str) -> None:
    with pytest.raises(AnswerRefused, match=f"{model} has no recorded outcome for this prompt") as caught:
        answer_of(models[model], question)
    assert (caught.value.status, caught.value.code) == (404, "unknown_prompt")


def test_files_join_and_token_columns_may_be_missing(tmp_path: Path) -> None:
    lean: dict[str, list[object]] = {"prompt": ["Three?"], "model": ["strong"], "score": [1.0]}
    models = load_replay([written(tmp_path), written(tmp_path, lean, "lean.parquet")])
    strong = next(model for model in models if model.card.id == "strong")
    assert answer_of(strong, "Three?")[1].estimated
    assert answer_of(strong, "One?")[0] == "[[right]]"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompt": ["a"], "model": ["m"]}, "no column score"),
        ({"prompt": ["a"], "model": ["m"], "score": [None]}, "row 0: `model` or `score` is null"),
    ],
)
def test_a_file_that_lacks_something_is_refused(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=rf"bad\.parquet.*{message}"):
        load_replay([written(tmp_path, columns, "bad.parquet")])


def test_a_file_that_is_not_parquet_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("prompt,model\n", "utf-8")
    for name in ("text.parquet", "absent.parquet"):
        with pytest.raises(DataError, match=f"{name}: not a readable Parquet file"):
            load_replay([tmp_path / name])


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"install gearshift\[train\]"):
        load_replay([path])


@given(st.floats(0, 1))
def test_a_mark_keeps_its_score(score: float) -> None:
    assert read_mark(f"So: {write_mark(score)}.") == pytest.approx(score, rel=1e-5, abs=1e-300)


def test_a_text_without_a_mark_has_no_score() -> None:
    assert read_mark("[[score=]] right") is None


def test_a_digest_is_of_the_exact_text() -> None:
    assert digest("One?") == digest("One?") != digest("one?")


def test_the_recorded_benchmarks_load(data_dir: Path) -> None:
    models = load_replay([data_dir / "kor_bench.parquet"])
    assert len(models) == 37
