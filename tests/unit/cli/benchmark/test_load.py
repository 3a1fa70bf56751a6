"""Requests are valid HTTP, of one length, and never alike; percentiles are values that were seen."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.cli.benchmark.load import Kind, Load, Slice, Target, percentile, requests

TARGET = Target(name="direct", port=9, model="m", headers={"x-more": "1"})


def body_of(request: bytes) -> dict[str, Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded


@pytest.mark.parametrize("kind", ["plain", "burst", "paced"])
def test_a_request_asks_for_what_its_kind_says(kind: Kind) -> None:
    request = next(requests(TARGET, kind))
    body = body_of(request)
    assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:9\r\n")
    assert b"\r\nx-more: 1\r\n" in request
    assert body["model"] == "m"
    assert body.get("stream", False) == (kind != "plain")
    assert ("[[pace=5]]" in body["messages"][-1]["content"]) == (kind == "paced")


def test_no_two_requests_are_alike_but_all_have_one_length() -> None:
    made = list(islice(requests(TARGET, "plain"), 300))
    assert len(set(made)) == 300
    assert len({len(request) for request in made}) == 1


def test_a_load_has_a_name() -> None:
    assert Load(kind="paced", connections=256).name == "paced x 256"


def test_no_time_is_no_rate() -> None:
    empty = Slice(
        requests=0,
        errors=1,
        fault="gone",
        elapsed_s=0,
        p50_s=None,
        p95_s=None,
        p99_s=None,
        first_p50_s=None,
        events=0,
        cpu_s=None,
    )
    assert empty.per_second == 0


def test_percentiles_of_a_known_sample() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, fraction) for fraction in (0.0, 0.5, 0.95, 0.99, 1.0)] == [1, 50, 95, 99, 100]
    assert percentile([], 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_was_seen_and_enough_values_do_not_exceed_it(values: list[float], fraction: float) -> None:
    ascending = sorted(values)
    found = percentile(ascending, fraction)
    assert found in ascending
    assert sum(value <= found for value in ascending) >= fraction * len(ascending)
