from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import OUR_ACCOUNT, UpstreamInvalid, UpstreamRefused
from gearshift.protocols.complaint import broken_off, in_place, read, read_in_band
from gearshift.protocols.waiting import asked_wait

RECORDED = json.loads((Path(__file__).parent / "refusals.json").read_text(encoding="utf-8"))
"""Bodies as users of the providers reported them. `status` null: inside a 200, which `implied` is then the status of.

`shortened`: the report leaves a part out, which is left out here too. `name` is the header `x-amzn-errortype`.
"""


def body_of(row: dict[str, Any]) -> bytes:
    return json.dumps(row["body"]).encode()


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row["source"].removeprefix("https://github.com/"))
def test_recorded_refusals_mean_what_they_say(row: dict[str, Any]) -> None:
    name = row.get("name", "")
    complaint = read(row["status"], body_of(row), name) if row["status"] else read_in_band(body_of(row), name)
    assert (complaint.kind, complaint.status) == (row["kind"], row["status"] or row["implied"])


def test_the_corpus_is_large_and_knows_its_sources() -> None:
    assert len(RECORDED) >= 60
    assert all(row["source"].startswith("https://") for row in RECORDED)
    kinds = {row["kind"] for row in RECORDED}
    assert len(kinds) >= 9


@pytest.mark.parametrize("row", [row for row in RECORDED if row["status"]], ids=lambda row: row["source"][19:])
def test_nobody_is_told_that_our_fault_is_theirs(row: dict[str, Any]) -> None:
    error = UpstreamRefused("no", upstream_status=row["status"], kind=read(row["status"], body_of(row)).kind)
    callers = row["kind"] in {"context_overflow", "content_filter", "rejected"}
    shorter = row["kind"] == "too_large"  # a smaller request would do, and so would another account
    assert (400 <= error.status < 500 and error.status != 429) == (callers or shorter)
    assert error.retryable != callers
    assert (error.code == "upstream_auth") == (row["kind"] in OUR_ACCOUNT)


@pytest.mark.parametrize("row", [row for row in RECORDED if "wait" in row], ids=lambda row: row["source"][19:])
def test_recorded_refusals_say_how_long(row: dict[str, Any]) -> None:
    assert asked_wait(row["status"], {}, body_of(row), 0.0) == row["wait"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "rejected"),
        (401, "auth"),
        (402, "quota"),
        (403, "auth"),
        (404, "not_found"),
        (405, "server"),
        (408, "server"),
        (413, "context_overflow"),
        (422, "rejected"),
        (429, "rate_limited"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
        (204, "server"),
        (302, "server"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>503</html>", b"\xff", b"[]", b"7", b'"no"', b'{"error":{"code":"x","message":"no"}}', b"[" * 9999],
)
def test_what_is_unknown_means_what_its_status_means(status: int, kind: str, body: bytes) -> None:
    assert read(status, body).kind == kind


@pytest.mark.parametrize(
    ("body", "name", "kind", "status"),
    [
        ({"error": {"message": "no", "code": "slow_down", "type": "rate_limit_error"}}, "", "slow_down", 429),
        (
            {"error": {"message": "no", "code": "credit_balance_exhausted", "type": "insufficient_quota"}},
            "",
            "quota",
            402,
        ),
        (
            {"error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}},
            "",
            "quota",
            402,
        ),
        ({"error": {"type": "permission_error", "message": "no"}}, "", "auth", 403),
        ({"error": {"type": "authentication_error", "message": "no"}}, "", "auth", 401),
        ({"error": {"type": "invalid_request_error", "message": "no"}}, "", "rejected", 400),
        ({"error": {"type": "api_error", "message": "no"}}, "", "server", 500),
        ({"error": {"type": "rate_limit_error", "message": "no"}}, "", "rate_limited", 429),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "no"}, "", "rate_limited", 429),
        ({"error": {"code": 502, "message": "Provider disconnected"}}, "", "server", 502),
        ({"error": {"code": "429", "message": "no"}}, "", "rate_limited", 429),
        ({"error": {"status": "DEADLINE_EXCEEDED"}}, "", "server", 504),
        ({"message": "no"}, "throttlingException", "rate_limited", 429),
        ({"message": "no"}, "modelStreamErrorException", "server", 424),
        ({"message": "no"}, "ServiceQuotaExceededException", "quota", 402),
        ({"message": "no"}, "modelNotReadyException", "overloaded", 503),
        ({"__type": "com.amazon.coral.service#ExpiredTokenException"}, "", "auth", 401),
        (
            {"error": {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "..."}}},
            "",
            "content_filter",
            403,
        ),
        ({"error": {"message": "no"}}, "", "server", None),
        ({"error": {"code": [429], "type": {}, "status": True}}, "", "server", None),
        ({"error": {"code": 1, "status": 200}}, "", "server", None),
    ],
)
def test_an_error_in_a_200_tells_what_its_status_should_have_been(
    body: object, name: str, kind: str, status: int | None
) -> None:
    complaint = read_in_band(msgspec.json.encode(body), name)
    assert (complaint.kind, complaint.status) == (kind, status)


SPENT = "Your credit balance is too low to access the Anthropic API."


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "invalid_request_error", "message": f"messages.0: unexpected value '{SPENT}'"}},
        {
            "detail": [
                {"type": "missing", "msg": "Field required", "input": {"code": "insufficient_quota", "error": {}}}
            ]
        },
        {"error": {"message": "bad", "param": "insufficient_quota", "input": {"type": "overloaded_error"}}},
        {"error": {"message": "tool overloaded is unknown: API key not valid"}},
    ],
)
def test_what_an_error_repeats_of_the_request_counts_against_nobody_else(body: object) -> None:
    assert read(400, msgspec.json.encode(body)).kind == "rejected"


def test_the_callers_own_metadata_in_a_response_names_no_error() -> None:
    said = {"status": "failed", "metadata": {"code": "insufficient_quota"}, "error": {"code": "server_error"}}
    for body in (said, {"type": "response.failed", "response": said}):
        complaint = read_in_band(msgspec.json.encode(body))
        assert (complaint.kind, complaint.status) == ("server", 500)


def test_what_broke_a_stream_is_told() -> None:
    assert broken_off(b'{"detail":"oh"}').message == "the upstream broke the stream off: oh"
    assert broken_off(b"").message.endswith("no message")
    assert (broken_off(b"").kind, broken_off(b"").upstream_status) == (None, None)
    slow = broken_off(b'{"error":{"code":"rate_limit_exceeded","message":"Please try again in 1.5s."}}')
    assert (slow.kind, slow.upstream_status, slow.retry_after) == ("rate_limited", 429, 1.5)


def test_of_our_account_a_broken_answer_tells_nothing() -> None:
    body = b'{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-1"}}'
    error = broken_off(body)
    assert (error.message, error.kind) == ("the upstream broke the stream off: our account was refused", "auth")
    assert in_place(body, of="an answer").message.endswith("in place of an answer: our account was refused")


def test_an_error_in_place_of_an_answer_is_a_refusal_where_it_names_a_status() -> None:
    error = in_place(b'{"error":{"code":429,"message":"Please try again in 20ms."}}', of="a stream")
    assert isinstance(error, UpstreamRefused)
    assert (error.status, error.kind, error.retry_after) == (429, "rate_limited", 0.02)
    assert "found an error in place of a stream: Please try" in error.message
    for body in (b'{"error":{"message":"oh"}}', b'{"error":{}}', b"", b"<html>"):
        assert isinstance(in_place(body, of="a stream"), UpstreamInvalid)


@given(st.binary(max_size=300), st.sampled_from([400, 403, 429, 500]))
def test_any_body_has_a_meaning(body: bytes, status: int) -> None:
    assert read(status, body).status == status
    read_in_band(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["error", "code", "type", "status", "message", "metadata", "raw", "data", "details", "response"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(json_values)
def test_any_json_has_a_meaning(value: object) -> None:
    body = json.dumps(value).encode()
    assert read(400, body).kind != "server"
    wait = asked_wait(429, {}, body, 1e9)
    assert wait is None or 0 < wait <= 3600
    read_in_band(body)


def test_a_hostile_body_is_read_within_bounds() -> None:
    far = {"error": {"message": "x" * 4096 + "prompt is too long"}}
    assert read(400, msgspec.json.encode(far)).kind == "rejected"
    wide: object = {"error": {"errors": [{}] * 8 + [{"code": "overloaded_error"}]}}
    assert read(400, msgspec.json.encode(wide)).kind == "rejected"
    deep = b'{"error":' * 500 + b'{"code":"overloaded_error"}' + b"}" * 500
    assert read(400, deep).kind == "rejected"
    long = {"error": {"code": "x" * 1_000_000, "message": "The model is overloaded."}}
    assert read(400, msgspec.json.encode(long)).kind == "overloaded"
