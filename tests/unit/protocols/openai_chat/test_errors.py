from __future__ import annotations

import json

import pytest

from gearshift.errors import (
    GearshiftError,
    InvalidRequest,
    NoCandidate,
    StreamBroken,
    Unauthorized,
    UnknownModel,
    UpstreamRefused,
)
from gearshift.protocols.openai_chat.errors import encode_error, encode_stream_error


@pytest.mark.parametrize(
    ("error", "kind", "code", "param"),
    [
        (InvalidRequest("odd", param="seed"), "invalid_request_error", "invalid_request", "seed"),
        (Unauthorized("who"), "authentication_error", "invalid_api_key", None),
        (UnknownModel("what"), "invalid_request_error", "model_not_found", None),
        (NoCandidate("none"), "invalid_request_error", "no_candidate", None),
        (UpstreamRefused("slow", upstream_status=429), "rate_limit_error", "upstream_rate_limited", None),
        (UpstreamRefused("down", upstream_status=500), "server_error", "upstream_refused", None),
    ],
)
def test_an_error_is_said_in_openais_shape(error: GearshiftError, kind: str, code: str, param: str | None) -> None:
    said = {"error": {"message": error.message, "type": kind, "param": param, "code": code}}
    assert json.loads(encode_error(error)) == said
    assert json.loads(encode_error(error, b'"gearshift":{"router":"auto"}')) == said | {"gearshift": {"router": "auto"}}


def test_where_nobody_fits_the_error_says_why_as_data() -> None:
    said = json.loads(encode_error(NoCandidate("none", metadata=b'{"router":"auto","rejected":[]}')))
    assert said["error"]["metadata"] == {"router": "auto", "rejected": []}


def test_an_error_inside_a_stream_is_no_chunk_and_never_terminated() -> None:
    said = encode_stream_error(StreamBroken('cut "off"\n'))
    assert said.startswith(b"data: {")
    assert said.endswith(b"}\n\n")
    chunk = json.loads(said[6:])
    assert chunk["error"]["message"] == 'cut "off"\n'
    assert chunk.keys() == {"error"}  # with `choices` the AI SDK would take it for a chunk
