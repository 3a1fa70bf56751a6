from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gearshift.protocols.waiting import MAX_WAIT, asked_wait, told_wait

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC).timestamp()
MILLIS = "retry-after-ms"
AFTER = "retry-after"
REQUESTS, TOKENS = "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"
CLAUDE = "anthropic-ratelimit-"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({AFTER: "7"}, 7.0),
        ({AFTER: " 7 "}, 7.0),
        ({AFTER: "0.25"}, 0.25),
        ({AFTER: "0"}, None),
        ({AFTER: "-1"}, None),
        ({AFTER: "+1"}, None),
        ({AFTER: "1e9"}, None),
        ({AFTER: "nan"}, None),
        ({AFTER: "inf"}, None),
        ({AFTER: "7, 8"}, None),
        ({AFTER: "²"}, None),
        ({AFTER: "٣"}, None),
        ({AFTER: "soon"}, None),
        ({AFTER: ""}, None),
        ({AFTER: "99999999999"}, MAX_WAIT),
        ({AFTER: "9" * 65}, None),
        ({AFTER: "Fri, 27 Nov 2026 12:00:30 GMT"}, 30.0),
        ({AFTER: "Friday, 27-Nov-26 12:00:30 GMT"}, 30.0),
        ({AFTER: "Fri Nov 27 12:00:30 2026"}, 30.0),
        ({AFTER: "Sun Nov  1 12:00:30 2026"}, None),
        ({AFTER: "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({AFTER: "Sat, 28 Nov 2026 12:00:00 GMT"}, MAX_WAIT),
        ({AFTER: "Fri, 31 Feb 2027 12:00:00 GMT"}, None),
        ({AFTER: "Fri, 27 Nix 2026 12:00:30 GMT"}, None),
        ({AFTER: "Fri, 27 Nov 2026 25:00:30 GMT"}, None),
        ({MILLIS: "1500"}, 1.5),
        ({MILLIS: "12.5"}, 0.0125),
        ({MILLIS: "1500", AFTER: "9"}, 1.5),
        ({MILLIS: "0", AFTER: "9"}, 9.0),
        ({MILLIS: "odd", AFTER: "9"}, 9.0),
        ({REQUESTS: "1s"}, 1.0),
        ({REQUESTS: "6m0s"}, 360.0),
        ({REQUESTS: "20ms"}, 0.02),
        ({REQUESTS: "2m59.56s"}, 179.56),
        ({REQUESTS: "1h2m3s"}, MAX_WAIT),
        ({REQUESTS: "7.66s", TOKENS: "1m0s"}, 60.0),
        ({REQUESTS: "1s", TOKENS: "6m0s", "x-ratelimit-remaining-tokens": "12"}, 1.0),
        ({TOKENS: "6m0s", "x-ratelimit-remaining-tokens": "12"}, None),
        ({TOKENS: "6m0s", "x-ratelimit-remaining-tokens": "0"}, 360.0),
        ({TOKENS: "6m0s", AFTER: "2"}, 2.0),
        ({REQUESTS: "s"}, None),
        ({REQUESTS: "1x"}, None),
        ({"x-ratelimit-reset": str(int(NOW * 1000) + 4000)}, 4.0),
        ({"x-ratelimit-reset": str(int(NOW) + 4)}, 4.0),
        ({"x-ratelimit-reset": "4"}, 4.0),
        ({"x-ratelimit-reset": str(int(NOW) - 4)}, None),
        ({f"{CLAUDE}requests-reset": "2026-11-27T12:00:30Z", f"{CLAUDE}requests-remaining": "0"}, 30.0),
        ({f"{CLAUDE}tokens-reset": "2026-11-27T13:00:10+01:00", f"{CLAUDE}tokens-remaining": "0"}, 10.0),
        ({f"{CLAUDE}requests-reset": "2026-11-27T12:00:30Z", f"{CLAUDE}requests-remaining": "3"}, None),
        ({f"{CLAUDE}requests-reset": "2026-11-27T12:00:30Z"}, None),
        ({f"{CLAUDE}input-tokens-reset": "27 November", f"{CLAUDE}input-tokens-remaining": "0"}, None),
        ({f"{CLAUDE}output-tokens-reset": "2026-11-26T12:00:30Z", f"{CLAUDE}output-tokens-remaining": "0"}, None),
    ],
)
def test_headers_say_how_long(headers: dict[str, str], wait: float | None) -> None:
    found = asked_wait(429, headers, b"", NOW)
    assert found == (wait if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        (
            "Limit 10000, Used 8554, Requested 3082. Please try again in 9.816s. Visit https://x",
            9.816,
        ),
        ("Limit 30000, Used 29937, Requested 385. Please try again in 644ms.", 0.644),
        ("Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s. Need more tokens?", 578.016),
        ("Limit: 10000 / min. Please try again in 6ms. Contact us", 0.006),
        ("pricing tier. Please retry after 7 seconds. Please go here", 7.0),
        ("Rate limit is exceeded. Try again in 2 seconds.", 2.0),
        ("Rate limit is exceeded. Try again in 1 minute.", 60.0),
        ("have exceeded token rate limit. Please retry after 86400 seconds.", MAX_WAIT),
        ("Please try again later.", None),
        ("Please try again in a moment", None),
        ("Please try again in ....", None),
        ("Please try again in 0s", None),
        ("x" * 4096 + " try again in 2s", None),
    ],
)
def test_a_message_says_how_long_where_no_header_does(message: str, wait: float | None) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    assert told_wait(body) == (wait if wait is None else pytest.approx(wait))
    assert asked_wait(429, {AFTER: "1"}, body, NOW) == 1.0
    if wait is not None:
        assert asked_wait(429, {REQUESTS: "6m0s"}, body, NOW) == pytest.approx(wait)


def google(*details: object) -> bytes:
    return json.dumps({"error": {"code": 429, "message": "Resource exhausted", "details": details}}).encode()


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        (google({"@type": "type.googleapis.com/google.rpc.Help"}, {"retryDelay": "34s"}), 34.0),
        (b"[" + google({"retryDelay": "34.074824224s"}) + b"]", 34.074824224),
        (google({"retryDelay": "0s"}), None),
        (google({"retryDelay": "-1s"}), None),
        (google({"retryDelay": 34}), None),
        (google({"retryDelay": "86400s"}), MAX_WAIT),
        (google("34s"), None),
        (google(), None),
        (b'{"error":{"details":"34s"}}', None),
        (b'{"error":7}', None),
        (b"[]", None),
        (b"[7]", None),
        (b"\xff", None),
    ],
)
def test_google_says_how_long_in_the_body(body: bytes, wait: float | None) -> None:
    assert asked_wait(503, {}, body, NOW) == wait


def test_openrouter_repeats_headers_in_the_body() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW * 1000) + 9000), "odd": 5}
    body = json.dumps({"error": {"code": 429, "metadata": {"headers": headers}}}).encode()
    assert asked_wait(429, {}, body, NOW) == 9.0
    assert asked_wait(429, {AFTER: "2"}, body, NOW) == 2.0
    assert asked_wait(429, {}, b'{"error":{"metadata":{"headers":[]}}}', NOW) is None
    assert asked_wait(429, {}, b'{"error":{"metadata":7}}', NOW) is None


def test_resets_count_for_who_asks_too_much_only() -> None:
    assert asked_wait(503, {REQUESTS: "9s"}, b"", NOW) is None
    assert asked_wait(503, {AFTER: "9"}, b"", NOW) == 9.0


names = st.sampled_from(
    [MILLIS, AFTER, REQUESTS, TOKENS, "x-ratelimit-reset", f"{CLAUDE}tokens-reset", f"{CLAUDE}tokens-remaining"]
)
values = st.text(max_size=80) | st.text(alphabet="0123456789.:-+smhGMT, eE", max_size=40)


@given(st.dictionaries(names, values), st.floats(0, 1e12))
@example({AFTER: "9" * 18}, 0.0)
@example({"x-ratelimit-reset": "9" * 18 + "." + "9" * 18}, 0.0)
@example({f"{CLAUDE}tokens-reset": "9999-12-31T23:59:59-23:59", f"{CLAUDE}tokens-remaining": "0"}, 0.0)
@example({f"{CLAUDE}tokens-reset": "0001-01-01T00:00:00", f"{CLAUDE}tokens-remaining": "0"}, 0.0)
def test_any_header_gives_a_wait_within_bounds_or_none(headers: dict[str, str], now: float) -> None:
    found = asked_wait(429, headers, b"", now)
    assert found is None or 0 < found <= MAX_WAIT
