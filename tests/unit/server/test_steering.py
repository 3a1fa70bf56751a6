from __future__ import annotations

import pytest

from gearshift.errors import InvalidRequest
from gearshift.server.steering import steer
from gearshift.types.access import Caller
from gearshift.types.inbound import CacheWish, Inbound

BARE = Inbound(path="/v1/chat/completions", body=b"", began=0.0)


def steered(**headers: str) -> Inbound:
    given = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return steer({"headers": given}, BARE, Caller(id="key-id"))


def test_nothing_said_is_nothing_asked_for() -> None:
    found = steered()
    assert (found.key, found.wants_metadata, found.no_fallback) == ("key-id", False, False)
    assert (found.deadline, found.max_cost, found.session) == (None, None, None)


@pytest.mark.parametrize(("said", "heard"), [("enabled", True), ("Enabled", True), ("disabled", False)])
def test_metadata_are_switched_on_by_name(said: str, heard: bool) -> None:
    assert steered(x_gearshift_metadata=said).wants_metadata is heard


@pytest.mark.parametrize(
    ("said", "heard"), [("true", True), ("1", True), ("YES", True), ("false", False), ("0", False)]
)
def test_fallback_can_be_forbidden(said: str, heard: bool) -> None:
    assert steered(x_gearshift_no_fallback=said).no_fallback is heard


@pytest.mark.parametrize(("said", "heard"), [("1500", 1.5), ("0.5", 0.0005), ("86400000", 86400.0)])
def test_a_deadline_is_milliseconds(said: str, heard: float) -> None:
    assert steered(x_gearshift_timeout_ms=said).deadline == pytest.approx(heard)


@pytest.mark.parametrize("name", ["x_stainless_read_timeout", "x_stainless_timeout"])
@pytest.mark.parametrize(
    ("said", "heard"),
    [("600", 599.5), ("600.0", 599.5), ("10", 9.5), ("2", 1.9), ("0.5", 0.475)]
    + [(said, None) for said in ("None", "NOT_GIVEN", "inf", "nan", "0", "-1", "", "1e3", "²", "9" * 400)],
)
def test_what_a_client_tells_of_its_patience_is_heard_and_never_a_fault(
    name: str, said: str, heard: float | None
) -> None:
    found = steered(**{name: said})
    assert found.patience == (heard if heard is None else pytest.approx(heard))
    assert found.deadline is None


def test_the_shorter_patience_counts() -> None:
    assert steered(x_stainless_read_timeout="20", x_stainless_timeout="10").patience == pytest.approx(9.5)
    assert steered(x_stainless_read_timeout="None", x_stainless_timeout="10").patience == pytest.approx(9.5)


@pytest.mark.parametrize(
    ("google", "ours", "heard"), [("30", None, 29.5), ("30", "1000", 1.0), ("1", "90000", 0.95), ("0", "1000", 1.0)]
)
def test_google_s_clients_state_a_deadline(google: str, ours: str | None, heard: float) -> None:
    own = {} if ours is None else {"x_gearshift_timeout_ms": ours}
    found = steered(x_server_timeout=google, **own)
    assert found.deadline == pytest.approx(heard)
    assert found.patience is None


@pytest.mark.parametrize(
    "said", ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", '"quoted, as the draft has it"', "k" * 255]
)
def test_an_idempotency_key_is_taken_as_it_is(said: str) -> None:
    found = steered(idempotency_key=said)
    assert (found.idempotency, found.dropped) == (said, ())


@pytest.mark.parametrize(
    ("said", "found"),
    [("", "0 characters"), ("k" * 256, "256 characters"), ("schlüssel", "others"), ("a\tb", "others")],
)
def test_an_idempotency_key_is_printable_ascii(said: str, found: str) -> None:
    with pytest.raises(InvalidRequest, match=f"found {found}.*expected 1 to 255"):
        steered(idempotency_key=said)


def test_cloudflare_s_timeout_is_the_time_until_an_answer_begins() -> None:
    found = steered(cf_aig_request_timeout="2000")
    assert (found.first_content, found.deadline) == (2.0, None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("0", 0), ("0.01", 10_000_000), ("1", 10**9), ("1e-9", 1), ("0.0000000001", 0), ("1000000", 10**15)],
)
def test_a_limit_of_cost_is_dollars_exactly(said: str, heard: int) -> None:
    assert steered(x_gearshift_max_cost_usd=said).max_cost == heard


def test_a_session_is_text() -> None:
    assert steered(x_session_id="chat 7").session == "chat 7"
    assert steered(x_session_id="").session is None
    assert steered(x_session_id="x" * 256).session == "x" * 256


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x_gearshift_metadata", "yes please"),
        ("x_gearshift_no_fallback", "maybe"),
        *(("x_gearshift_timeout_ms", said) for said in ("soon", "0", "-5", "", "nan", "inf", "1e3", "1.2.3", "\xb2")),
        *(("x_gearshift_max_cost_usd", said) for said in ("free", "-1", "nan", "Infinity", "1e7", "1e999999", "")),
        ("cf_aig_request_timeout", "soon"),
        ("x_session_id", "x" * 257),
        ("x_session_id", "a\tb"),
        *(("cf_aig_metadata", said) for said in ("", "team", "[1]", '{"a": [1]}', '{"a": null}', '{"a": "\xff"}')),
        ("cf_aig_metadata", '{"a":1,"a":2}'),
        ("cf_aig_metadata", '{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}'),
        *(("cf_aig_cache_ttl", said) for said in ("", "1h", "-1", "1.5", "9" * 5000, "2678401")),
        ("cf_aig_skip_cache", "sometimes"),
        ("x_gearshift_cache", "on"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_header(name: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"header {name.replace('_', '-')}: ") as caught:
        steered(**{name: said})
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (b"x-session-id", (b"a", b"b")),
        (b"x-gearshift-metadata", (b"enabled", b"disabled")),
        (b"cf-aig-metadata", (b'{"a":1}', b'{"a":2}')),
        (b"x-gearshift-cache", (b"off", b"refresh")),
    ],
)
def test_a_header_said_twice_with_two_values_is_refused(name: bytes, values: tuple[bytes, bytes]) -> None:
    first, second = values
    with pytest.raises(InvalidRequest, match=f"header {name.decode()}: found two different values, expected one"):
        steer({"headers": [(name, first), (name, second)]}, BARE, None)
    twice = steer({"headers": [(name, first), (name, first)]}, BARE, None)
    assert twice == steer({"headers": [(name, first)]}, BARE, None)


def test_a_number_of_a_million_digits_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest):
        steered(x_gearshift_max_cost_usd="1e999999999")
    assert steered(x_gearshift_timeout_ms="9" * 400).deadline is not None


def test_cloudflare_s_metadata_are_read() -> None:
    assert steered(cf_aig_metadata='{"team": "search", "beta": true, "tier": 2}').metadata == {
        "team": "search",
        "beta": True,
        "tier": 2,
    }
    assert steered().metadata == {}


NOTHING = CacheWish(read=False, write=False)


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ({"cf_aig_skip_cache": "true"}, NOTHING),
        ({"cf_aig_skip_cache": "False"}, None),
        ({"cf_aig_cache_ttl": "0"}, NOTHING),
        ({"x_gearshift_cache": "off"}, NOTHING),
        ({"x_gearshift_cache": "Refresh"}, CacheWish(read=False)),
        ({"cf_aig_cache_ttl": "3600"}, CacheWish(ttl=3600.0)),
        ({"cf_aig_cache_ttl": "3600", "x_gearshift_cache": "refresh"}, CacheWish(read=False, ttl=3600.0)),
        ({"cf_aig_cache_ttl": "3600", "x_gearshift_cache": "off"}, NOTHING),
        ({"cf_aig_cache_ttl": "3600", "cf_aig_skip_cache": "true"}, NOTHING),
    ],
    ids=str,
)
def test_what_is_wished_of_the_cache_is_read(said: dict[str, str], wish: CacheWish | None) -> None:
    assert steered(**said).cache == wish
    assert steered(**said).dropped == ()
