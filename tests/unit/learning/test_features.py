from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.features import (
    MAX_PARTS,
    STRUCTURE,
    FeatureSpec,
    as_request,
    featurize,
    plain_text,
    read,
)
from gearshift.types.chat import Media, Message, Request, ResponseFormat, Text, Tool

SPEC = FeatureSpec()


def counts(request: Request) -> dict[str, float]:
    indices, values = featurize(request, SPEC)
    structure = values[(indices >= SPEC.buckets) & (indices < SPEC.buckets + len(STRUCTURE))]
    return dict(zip(STRUCTURE, structure.tolist(), strict=True))


@given(st.text())
def test_the_same_text_gives_the_same_valid_vector(text: str) -> None:
    indices, values = featurize(as_request(text), SPEC)
    again = featurize(as_request(text), SPEC)
    assert np.array_equal(indices, again[0])
    assert np.array_equal(values, again[1])
    assert (np.diff(indices) > 0).all()
    assert indices.max() < SPEC.dims
    assert np.isfinite(values).all()
    assert (values[indices < SPEC.buckets + len(STRUCTURE)] >= 0).all()
    hashed = values[indices < SPEC.buckets]
    assert len(hashed) == 0 or np.isclose(np.linalg.norm(hashed), 1, atol=1e-5)


def test_another_process_gives_the_same_vector() -> None:
    code = (
        "from gearshift.learning.features import *\n"
        "i, v = featurize(as_request('Größe 12 = x?\\n日本'), FeatureSpec())\nprint(i.tolist(), v.tolist())"
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
    indices, values = featurize(as_request("Größe 12 = x?\n日本"), SPEC)
    assert found == {f"{indices.tolist()} {values.tolist()}\n"}


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
        _, values = featurize(request, SPEC)
        assert np.isfinite(values).all()


def test_many_parts_are_bounded() -> None:
    parts = tuple(Text(text=f"part{number}") for number in range(10_000))
    text = read(Request(model="auto", messages=(Message(role="user", parts=parts),)), FeatureSpec(head=2**20))
    assert text.count(b"part") == 2 * MAX_PARTS


def test_plain_text_joins_all_turns() -> None:
    turns = (Message(role="system", parts=(Text(text="a"),)), Message(role="user", parts=(Text(text="b"),)))
    assert plain_text(Request(model="auto", messages=turns)) == "a\nb"
