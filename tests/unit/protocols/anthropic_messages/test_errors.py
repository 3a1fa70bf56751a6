from __future__ import annotations

import json

import pytest

from gearshift.errors import (
    CannotCarry,
    GearshiftError,
    InvalidRequest,
    NoCandidate,
    ShuttingDown,
    StreamBroken,
    Unauthorized,
    UnknownModel,
    UpstreamRefused,
)
from gearshift.protocols.anthropic_messages.errors import encode_error, encode_stream_error


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InvalidRequest("odd", param="seed"), "invalid_request_error", "invalid_request"),
        (Unauthorized("who"), "authentication_error", "invalid_api_key"),
        (UnknownModel("what"), "not_found_error", "model_not_found"),
        (NoCandidate("none"), "invalid_request_error", "no_candidate"),
        (CannotCarry(InvalidRequest("n", param="n")), "invalid_request_error", "cannot_carry"),
        (UpstreamRefused("slow", upstream_status=429), "rate_limit_error", "upstream_rate_limited"),
        (UpstreamRefused("down", upstream_status=500), "api_error", "upstream_refused"),
        (ShuttingDown("bye"), "overloaded_error", "shutting_down"),
    ],
)
def test_an_error_is_said_in_anthropics_shape(error: GearshiftError, kind: str, code: str) -> None:
    said = json.loads(encode_error(error))
    assert said["type"] == "error"
    assert (said["error"]["type"], said["error"]["code"], said["error"]["message"]) == (kind, code, error.message)


def test_an_error_names_its_field_and_why_nobody_fits() -> None:
    assert json.loads(encode_error(InvalidRequest("odd", param="seed")))["error"]["param"] == "seed"
    said = json.loads(encode_error(NoCandidate("none", metadata=b'{"rejected":[]}'), b'"gearshift":{}'))
    assert (said["error"]["metadata"], said["gearshift"]) == ({"rejected": []}, {})


def test_an_error_inside_a_stream_is_an_event_of_its_own() -> None:
    said = encode_stream_error(StreamBroken("cut"))
    assert said.startswith(b'event: error\ndata: {"type":"error"')
    assert said.endswith(b"\n\n")
