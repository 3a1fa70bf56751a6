from __future__ import annotations

import json

import pytest

from gearshift.errors import (
    BodyTooLarge,
    CallerLeft,
    CannotCarry,
    DeadlineExceeded,
    GearshiftError,
    InternalError,
    InvalidRequest,
    NoCandidate,
    RouteNotFound,
    ShuttingDown,
    StreamBroken,
    Unauthorized,
    UnknownModel,
    UpstreamRefused,
    UpstreamTimeout,
)
from gearshift.protocols.gemini.errors import encode_error, encode_stream_error


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (InvalidRequest("m"), 400, "INVALID_ARGUMENT"),
        (CannotCarry(InvalidRequest("m")), 400, "INVALID_ARGUMENT"),
        (Unauthorized("m"), 401, "UNAUTHENTICATED"),
        (UnknownModel("m"), 404, "NOT_FOUND"),
        (RouteNotFound("m"), 404, "NOT_FOUND"),
        (BodyTooLarge("m"), 413, "INVALID_ARGUMENT"),
        (NoCandidate("m"), 422, "FAILED_PRECONDITION"),
        (UpstreamRefused("m", upstream_status=429), 429, "RESOURCE_EXHAUSTED"),
        (UpstreamRefused("m", upstream_status=401), 502, "INTERNAL"),
        (CallerLeft("m"), 499, "CANCELLED"),
        (InternalError("m"), 500, "INTERNAL"),
        (StreamBroken("m"), 502, "INTERNAL"),
        (ShuttingDown("m"), 503, "UNAVAILABLE"),
        (UpstreamTimeout("m", phase="total"), 504, "DEADLINE_EXCEEDED"),
        (DeadlineExceeded("m"), 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_the_status_has_its_word(error: GearshiftError, code: int, status: str) -> None:
    assert json.loads(encode_error(error)) == {
        "error": {
            "code": code,
            "message": "m",
            "status": status,
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": error.code, "domain": "gearshift"}
            ],
        }
    }


@pytest.mark.parametrize(
    "error", [InvalidRequest("m", param="contents[0]"), CannotCarry(InvalidRequest("m", param="contents[0]"))]
)
def test_the_field_at_fault_is_named(error: GearshiftError) -> None:
    [about] = json.loads(encode_error(error))["error"]["details"]
    assert about["metadata"] == {"field": "contents[0]"}


def test_a_decision_stands_in_the_details() -> None:
    [about] = json.loads(encode_error(NoCandidate("m", metadata=b'{"rejected":[]}')))["error"]["details"]
    assert about["decision"] == {"rejected": []}
    [bare] = json.loads(encode_error(NoCandidate("m")))["error"]["details"]
    assert "decision" not in bare


def test_further_members_stand_beside_the_error() -> None:
    said = json.loads(encode_error(InvalidRequest("m"), b'"gearshift":{"id":"x"},"b":1'))
    assert list(said) == ["error", "gearshift", "b"]
    assert said["gearshift"] == {"id": "x"}


def test_a_message_is_escaped() -> None:
    assert json.loads(encode_error(InvalidRequest('a "b"\n\u00e9')))["error"]["message"] == 'a "b"\n\u00e9'


def test_an_error_inside_a_stream_is_one_event() -> None:
    error = StreamBroken("a\nb")
    assert encode_stream_error(error) == b"data: " + encode_error(error) + b"\n\n"
