from __future__ import annotations

import json

import pytest

from gearshift.errors import GearshiftError, InvalidRequest, NoCandidate, StreamBroken, Unauthorized, UpstreamRefused
from gearshift.protocols.openai_responses.errors import encode_error, encode_stream_error


@pytest.mark.parametrize(
    ("error", "kind", "code", "param"),
    [
        (InvalidRequest("odd", param="seed"), "invalid_request_error", "invalid_request", "seed"),
        (Unauthorized("who"), "authentication_error", "invalid_api_key", None),
        (UpstreamRefused("slow", upstream_status=429), "rate_limit_error", "upstream_rate_limited", None),
        (UpstreamRefused("down", upstream_status=500), "server_error", "upstream_refused", None),
    ],
)
def test_an_error_is_said_in_openais_shape(error: GearshiftError, kind: str, code: str, param: str | None) -> None:
    said = {"error": {"message": error.message, "param": param, "code": code, "type": kind}}
    assert json.loads(encode_error(error)) == said
    assert json.loads(encode_error(error, b'"gearshift":{}')) == said | {"gearshift": {}}


def test_where_nobody_fits_the_error_says_why_as_data() -> None:
    said = json.loads(encode_error(NoCandidate("none", metadata=b'{"rejected":[]}')))
    assert said["error"]["metadata"] == {"rejected": []}


def test_an_error_inside_a_stream_is_an_event_of_its_own() -> None:
    said = encode_stream_error(StreamBroken("cut"))
    assert said.startswith(b'event: error\ndata: {"type":"error"')
    told = json.loads(said.split(b"data: ")[1])
    assert told["sequence_number"] == 0
    assert json.loads(encode_stream_error(StreamBroken("cut"), 7).split(b"data: ")[1]) == told | {"sequence_number": 7}
    assert told["error"] == {"message": "cut", "param": None, "code": "upstream_stream_broken", "type": "server_error"}
    assert told["error"].items() >= {(name, told[name]) for name in ("message", "param", "code")}
