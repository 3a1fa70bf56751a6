"""Each kind of value accepts what is documented, and says what it found and expected of anything else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gearshift.config import values
from gearshift.protocols.registry import CODECS


def read(kind: Any, value: object) -> object:  # noqa: ANN401 - a type alias
    return TypeAdapter(kind).validate_python(value)


def fault(kind: Any, value: object) -> str:  # noqa: ANN401 - a type alias
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    assert caught.value.error_count() == 1
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("value", "seconds"), [(5, 5), (0.5, 0.5), ("600s", 600), ("2m", 120), ("500ms", 0.5), ("1.5h", 5400), (" 1s ", 1)]
)
def test_a_duration_is_seconds_or_a_text_with_a_unit(value: object, seconds: float) -> None:
    assert read(values.Duration, value) == seconds


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "25h", "10y", "s", "1 s", "", None, True, math.inf, math.nan, 10**400, [1]]
)
def test_no_other_duration_is_taken(value: object) -> None:
    assert fault(values.Duration, value).startswith(f"found {values.show(value)}, expected a duration above 0")


@pytest.mark.parametrize(
    ("usd", "nano"), [(0, 0), (0.10, 100_000_000), (3, 3_000_000_000), (1e-9, 1), (0.29, 290_000_000)]
)
def test_dollars_per_million_become_integers_exactly(usd: float, nano: int) -> None:
    assert read(values.UsdPerMillion, usd) == nano


@given(st.integers(0, 10**9))
def test_a_price_of_whole_micro_dollars_is_never_off(micro: int) -> None:
    assert read(values.UsdPerMillion, micro / 1_000_000) == micro * 1_000


@pytest.mark.parametrize("value", [-0.1, 1_000_001, "1", None, True, math.nan, math.inf])
def test_no_other_price_is_taken(value: object) -> None:
    assert "expected US dollars per million tokens" in fault(values.UsdPerMillion, value)


@pytest.mark.parametrize("value", ["env:A", "env:_a1", "file:/run/secrets/key", "file:relative"])
def test_a_reference_says_where_a_secret_is(value: str) -> None:
    assert read(values.Reference, value) == value


@pytest.mark.parametrize("value", ["sk-live-1", "hunter2", "env:A B", "env:1A", "ENV:A", "cmd:ls"])
def test_a_literal_secret_is_refused_and_not_shown(value: str) -> None:
    message = fault(values.Reference, value)

    assert value not in message
    assert "expected env:NAME or file:PATH" in message


@pytest.mark.parametrize("value", ["", "env:", "file:"])
def test_a_reference_needs_a_name(value: str) -> None:
    assert "expected env:NAME or file:PATH" in fault(values.Reference, value)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://127.0.0.1:9001/v1/", "http://127.0.0.1:9001/v1"),
        ("https://example.org", "https://example.org"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1"),
    ],
)
def test_a_base_url_loses_its_last_slash(value: str, url: str) -> None:
    assert read(values.BaseUrl, value) == url


@pytest.mark.parametrize(
    "value",
    [
        "sk-secret",
        "ftp://example.org",
        "http://",
        "http://exa mple.org",
        "http://example.org:99999",
        "http://example.org:0",
        "http://example.org/\n",
        "https://user:pw@example.org",
        "https://example.org/?key=secret",
        "https://example.org/#a",
    ],
)
def test_no_other_base_url_is_taken_and_none_is_shown(value: str) -> None:
    message = fault(values.BaseUrl, value)

    assert "expected" in message
    assert value not in message


@pytest.mark.parametrize(
    "value",
    [
        "sqlite:///gearshift.db",
        "sqlite:////var/lib/gearshift.db",
        "postgresql://gearshift@db.example.org:5432/gearshift?sslmode=require",
        "postgres:///gearshift?host=/var/run/postgresql",
    ],
)
def test_a_store_is_a_file_of_sqlite_or_a_database_of_postgresql(value: str) -> None:
    assert read(values.StoreUrl, value) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("postgresql://user:pw@host/db", "found a password in the URL, expected none"),
        ("postgresql://user@host/db?password=pw", "PGPASSWORD"),
        ("mysql://user:pw@host/db", 'found "mysql"'),
        ("gearshift.db", "expected sqlite:///PATH"),
        ("sqlite://", "expected sqlite:///PATH"),
        ("sqlite:///", "expected sqlite:///PATH"),
        ("sqlite:///:memory:", "expected sqlite:///PATH"),
    ],
)
def test_no_other_store_is_taken(value: str, said: str) -> None:
    message = fault(values.StoreUrl, value)

    assert said in message
    assert "pw" not in message


@pytest.mark.parametrize(
    "value", ["memory://", "valkey://host:6379", "redis://host", "rediss://user@host:6380/1", "valkeys://host"]
)
def test_state_is_shared_in_memory_or_by_a_server(value: str) -> None:
    assert read(values.SharedUrl, value) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("valkey://:pw@host:6379", "found a password in the URL"),
        ("redis://user:pw@host", "REDISCLI_AUTH"),
        ("valkey://", "expected memory:// or valkey://HOST:6379"),
        ("memcached://host", "expected memory:// or valkey://HOST:6379"),
    ],
)
def test_no_other_state_is_shared_and_no_secret_shown(value: str, said: str) -> None:
    message = fault(values.SharedUrl, value)
    assert said in message
    assert "pw" not in message.replace("password", "")


def test_capabilities_are_sorted_and_each_is_there_once() -> None:
    assert read(values.Capabilities, ["vision", "tools", "vision"]) == ("tools", "vision")
    assert 'did you mean "tools"?' in fault(values.Capabilities, ["tolls"])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("openai", 'did you mean "openai_chat"?'),
        ("smtp", "expected openai"),
    ],
)
def test_a_protocol_is_one_that_can_be_served(value: str, said: str) -> None:
    assert [read(values.Protocol, name) for name in CODECS] == list(values.PROTOCOLS)
    assert said in fault(values.Protocol, value)


@pytest.mark.parametrize("value", ["a", "my-vllm", "a.b_c", "A1"])
def test_names_of_providers_and_routers_are_plain(value: str) -> None:
    assert read(values.Id, value) == value


@pytest.mark.parametrize("value", ["", "a/b", "a b", "-a", "é", "a" * 101])
def test_no_other_name_of_a_provider_is_taken(value: str) -> None:
    assert "expected letters, digits" in fault(values.Id, value)


def test_a_model_may_have_slashes_and_colons_but_no_glob_in_its_name() -> None:
    assert read(values.ModelName, "meta-llama/Llama-3:free") == "meta-llama/Llama-3:free"
    for value in ("", "a b", "a*", "a?", "a[1]", "a\n", "a" * 201):
        assert "as a name" in fault(values.ModelName, value)


def test_a_header_name_is_lowered() -> None:
    assert read(values.Header, "X-Api-Key") == "x-api-key"
    assert "no header name" in fault(values.Header, "x api key")
    assert "no header name" in fault(values.Header, "x:\r\ny")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [(values.Whole, 3, "3"), (values.Whole, 3, True), (values.Number, 3, "3"), (values.Number, 0.5, math.nan),
     (values.Switch, True, 1), (values.Switch, False, "no")],
)  # fmt: skip
def test_scalars_are_not_converted(kind: Any, good: object, bad: object) -> None:  # noqa: ANN401 - a type alias
    assert read(kind, good) == good
    assert fault(kind, bad)


@pytest.mark.parametrize("value", [None, {}, [1]])
def test_what_is_unsupported_is_refused_even_when_empty(value: object) -> None:
    assert "not supported in this version" in fault(values.Unsupported, value)


def test_emptiness_is_refused() -> None:
    assert values.filled((1,)) == (1,)
    with pytest.raises(ValueError, match="found it empty"):
        values.filled(())


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),  # noqa: S104
     ("::", False), ("10.0.0.1", False), ("example.org", False), ("localhost.evil.org", False)],
)  # fmt: skip
def test_loopback(host: str, only_here: bool) -> None:
    assert values.is_loopback(host) is only_here


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        (True, "true"),
        (1.5, "1.5"),
        ("plain", '"plain"'),
        ({}, "a mapping"),
        ([], "a list"),
        (b"x", "a bytes"),
        ("claude-sonnet-4-5-20250929", '"claude-sonnet-4-5-20250929"'),
        ("sk-abc", "a text (not shown)"),
        ("gsk_abc", "a text (not shown)"),
        ("AIzaSyA", "a text (not shown)"),
        ("9aF3kQ0zX7bT5mW2cV8nR4yH6jL1pD0s", "a text (not shown)"),
        ("two\nlines", "a text (not shown)"),
        ("long " * 100, '"' + ("long " * 100)[:80] + '"'),
    ],
)
def test_what_is_shown_is_short_and_no_secret(value: object, shown: str) -> None:
    assert values.show(value) == shown


def test_an_interval_may_be_never() -> None:
    assert [read(values.Interval, value) for value in (0, "0s", "5s")] == [0.0, 0.0, 5.0]
    for value in (-1, False, "soon"):
        assert "expected a duration" in fault(values.Interval, value)
