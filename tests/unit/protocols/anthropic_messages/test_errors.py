from __future__ import annotations

import json

import pytest

from gearshift.errors import (
    CannotCarry,
    GearshiftError,
    InvalidRequest,
    NoCandidate,
    PromptTooLong,
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


LONG = "lab/small-20250929 answered 400: "


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
            "prompt is too long: 9001 tokens > 8192 maximum (",
        ),
        (
            "The input token count (1,200,000) exceeds the maximum number of tokens allowed (1,048,576).",
            "prompt is too long: 1200000 tokens > 1048576 maximum (",
        ),
        ("prompt is too long: 208310 tokens > 200000 maximum", "prompt is too long: 208310 tokens > 200000 maximum"),
        ("Please reduce the length of the messages.", "prompt is too long: lab/small-20250929 answered"),
    ],
)
def test_a_prompt_that_is_too_long_is_said_in_anthropics_words(words: str, said: str) -> None:
    error = UpstreamRefused(LONG + words, upstream_status=400, kind="context_overflow")
    inner = json.loads(encode_error(error))["error"]
    assert (inner["type"], inner["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert inner["message"].startswith(said)
    assert words in inner["message"]


def test_what_we_found_too_long_ourselves_is_said_so_too() -> None:
    error = PromptTooLong("prompt is too long: 9 tokens > 8 maximum: found nobody", metadata=b"{}")
    assert json.loads(encode_error(error))["error"]["message"] == error.message
