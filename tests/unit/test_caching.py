"""Which requests are the same, and whose answers may be kept."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from gearshift.caching import UNSAID, kept_for, name_of, wanted
from gearshift.types.inbound import CacheWish, Inbound
from tests.fakes.nouns import attempt, exchange, failed

BODY = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5}


def of(key: str | None = "k", path: str = "/v1/chat/completions", version: str = "v", **changes: object) -> str | None:
    body = json.dumps({**BODY, **changes}).encode()
    return name_of(Inbound(path=path, body=body, began=0.0, key=key), version)


def test_a_request_is_the_same_however_its_json_is_written() -> None:
    spaced = json.dumps(dict(reversed(BODY.items())), indent=3).encode()
    assert name_of(Inbound(path="/v1/chat/completions", body=spaced, began=0.0, key="k"), "v") == of()


@pytest.mark.parametrize("name", UNSAID)
def test_what_no_answer_depends_on_is_left_out(name: str) -> None:
    assert of(**{name: "x"}) == of()


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "other"},
        {"key": None},
        {"path": "/v1/messages"},
        {"version": "w"},
        {"model": "small"},
        {"temperature": 0.6},
        {"temperature": None},
        {"stream": True},
        {"seed": 1},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"tools": []},
        {"unknown": 1},
    ],
    ids=str,
)
def test_anything_else_makes_it_another(changes: dict[str, object]) -> None:
    assert of(**changes) != of()  # type: ignore[arg-type]


def test_limits_of_the_headers_make_it_another() -> None:
    inbound = Inbound(path="/", body=b"{}", began=0.0)
    assert name_of(replace(inbound, max_cost=5), "v") != name_of(inbound, "v")
    assert name_of(replace(inbound, no_fallback=True), "v") != name_of(inbound, "v")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"5", b"\xff", b"[" * 100_000])
def test_what_is_no_request_has_no_name(body: bytes) -> None:
    assert name_of(Inbound(path="/", body=body, began=0.0), "v") is None


def test_the_cache_is_asked_where_it_is_on_and_nobody_says_otherwise() -> None:
    inbound = Inbound(path="/", body=b"{}", began=0.0)
    assert wanted(inbound, on=True) == CacheWish()
    assert wanted(inbound, on=False) is None
    assert wanted(replace(inbound, cache=CacheWish(read=False, write=False)), on=True) is None
    assert wanted(replace(inbound, cache=CacheWish(ttl=5)), on=False) is None
    assert wanted(replace(inbound, cache=CacheWish(read=False)), on=True) == CacheWish(read=False)
    assert wanted(replace(inbound, wants_metadata=True), on=True) is None
    assert wanted(replace(inbound, idempotency="x"), on=True) is None


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        (exchange(), 60.0),
        (exchange(attempts=[failed(1), attempt(2)]), 60.0),
        (exchange(attempts=[attempt(finish_reason="tool_calls")]), 60.0),
        (exchange(attempts=[attempt(finish_reason="length")]), None),
        (exchange(attempts=[attempt(finish_reason="content_filter")]), None),
        (exchange(attempts=[attempt(finish_reason=None)]), None),
        (exchange(attempts=[attempt(finish_reason=None)], protocol="openai_embeddings"), 60.0),
        (exchange(attempts=[attempt(error="caller_left")]), None),
        (exchange(outcome="failed", status=502, attempts=[failed()]), None),
        (exchange(outcome="cancelled"), None),
        (None, None),
    ],
)
def test_only_whole_answers_are_kept(made: object, kept: float | None) -> None:
    assert kept_for(CacheWish(), 60.0, made) == kept  # type: ignore[arg-type]


def test_a_caller_says_for_how_long_or_not_at_all() -> None:
    assert kept_for(CacheWish(ttl=5.0), 60.0, exchange()) == 5.0
    assert kept_for(CacheWish(write=False), 60.0, exchange()) is None
