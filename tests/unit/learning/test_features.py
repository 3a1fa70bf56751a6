from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.features import (
    DENSE,
    MAX_PARTS,
    STRUCTURE,
    FeatureSpec,
    as_request,
    featurize,
    plain_text,
    read,
    to_matrix,
)
from gearshift.types.chat import Media, Message, Request, ResponseFormat, Text, Tool

SPEC = FeatureSpec()


def counts(request: Request) -> dict[str, float]:
    structure = featurize(request, SPEC).dense[: len(STRUCTURE)]
    return dict(zip(STRUCTURE, structure.tolist(), strict=True))


@given(st.text())
def test_the_same_text_gives_the_same_valid_vector(text: str) -> None:
    found = featurize(as_request(text), SPEC)
    again = featurize(as_request(text), SPEC)
    assert np.array_equal(found.buckets, again.buckets)
    assert np.array_equal(found.values, again.values)
    assert np.array_equal(found.dense, again.dense)
    assert len(np.unique(found.buckets)) == len(found.buckets)
    assert ((found.buckets >= 0) & (found.buckets < SPEC.buckets)).all()
    assert len(found.dense) == DENSE
    assert np.isfinite(found.dense).all()
    assert (found.dense[: len(STRUCTURE)] >= 0).all()
    assert len(found.values) == 0 or np.isclose(np.linalg.norm(found.values), 1, atol=1e-5)


def test_a_matrix_holds_the_buckets_and_then_what_is_dense() -> None:
    requests = [as_request("one two two"), as_request("")]
    matrix = to_matrix(requests, SPEC)
    assert matrix.shape == (2, SPEC.dims)
    for row, request in zip(matrix, requests, strict=True):
        found = featurize(request, SPEC)
        assert row[found.buckets] == pytest.approx(found.values)
        assert np.count_nonzero(row[: SPEC.buckets]) == len(found.buckets)
        assert row[SPEC.buckets :] == pytest.approx(found.dense)


def test_another_process_gives_the_same_vector() -> None:
    code = (
        "from gearshift.learning.features import *\n"
        "found = featurize(as_request('Größe 12 = x?\\n日本'), FeatureSpec())\nprint([each.tolist() for each in found])"
    )
    found = {
        subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "LC_ALL": "C", "OPENBLAS_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2")
    }
    here = featurize(as_request("Größe 12 = x?\n日本"), SPEC)
    assert found == {f"{[each.tolist() for each in here]}\n"}


def test_only_both_ends_of_a_long_prompt_are_read() -> None:
    long = "start " * 2000 + "middle " * 500_000 + "end " * 2000
    assert len(read(as_request(long), SPEC)) == SPEC.head + SPEC.tail + 1
    assert np.array_equal(
        featurize(as_request(long), SPEC)[0],
        featurize(as_request(long.replace("middle", "centre")), SPEC)[0],
    )


def test_the_last_user_turn_counts_and_earlier_turns_only_by_their_number() -> None:
    turns = (
        Message(role="user", parts=(Text(text="something long before"),)),
        Message(role="assistant", parts=(Text(text="yes"),)),
        Message(role="user", parts=(Text(text="now this"),)),
    )
    assert read(Request(model="auto", messages=turns), SPEC) == b"now this"
    assert counts(Request(model="auto", messages=turns))["turns"] > 0
    assert counts(as_request("now this"))["turns"] == 0


def test_tools_of_a_request_read_as_tools_written_in_the_prompt() -> None:
    tool = Tool(name="add", description="Adds", parameters=msgspec.Raw(b'{"type": "object"}'))
    request = msgspec.structs.replace(as_request("sum these"), tools=(tool,))
    written = 'sum these\n[TOOLS]\n[{"name": "add", "description": "Adds", "parameters": {"type": "object"}}]'
    assert read(request, SPEC) == written.encode()
    assert counts(request)["tools"] == counts(as_request(written))["tools"] > 0
    assert counts(as_request("sum these"))["tools"] == 0


def test_what_a_request_asks_for_shows() -> None:
    system = Message(role="system", parts=(Text(text="be kind"),))
    picture = Message(role="user", parts=(Text(text="what is it?"), Media(kind="image", url="https://x.test/a.png")))
    request = Request(model="auto", messages=(system, picture), response_format=ResponseFormat(kind="json_object"))
    shown = counts(request)
    assert all(shown[name] > 0 for name in ("system", "media", "json", "questions"))
    assert counts(as_request("1 + 1 = 2"))["math"] > 0
    assert counts(as_request("```py\nx\n```"))["fences"] > 0
    assert counts(as_request("日本語"))["cjk"] > 0
    assert counts(as_request("привет"))["cyrillic"] > 0


def test_a_request_without_text_has_a_vector() -> None:
    for request in (Request(model="auto", messages=()), as_request(""), as_request("\ud800")):
        found = featurize(request, SPEC)
        assert len(found.buckets) <= 1  # half a surrogate pair reads as a question mark
        assert np.isfinite(found.dense).all()


def test_many_parts_are_bounded() -> None:
    parts = tuple(Text(text=f"part{number}") for number in range(10_000))
    text = read(Request(model="auto", messages=(Message(role="user", parts=parts),)), FeatureSpec(head=2**20))
    assert text.count(b"part") == 2 * MAX_PARTS


def test_plain_text_joins_all_turns() -> None:
    turns = (Message(role="system", parts=(Text(text="a"),)), Message(role="user", parts=(Text(text="b"),)))
    assert plain_text(Request(model="auto", messages=turns)) == "a\nb"
