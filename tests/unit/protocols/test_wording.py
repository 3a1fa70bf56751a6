from __future__ import annotations

import json

import pytest

from gearshift.protocols.wording import broken_off, unreadable, upstream_message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"Too long","type":"x","code":null}}', "Too long"),
        (b'{"error":"Too long"}', "Too long"),
        (b'{"message":"Too long","object":"error"}', "Too long"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"],"msg":"field required"}]}', "field required"),
        (b'[{"error":{"message":"Too long"}}]', "Too long"),
        (b'{"error":{"code":400}}', ""),
        (b'{"error":null}', ""),
        (b"<html><h1>502</h1></html>", ""),
        (b"", ""),
        (b"\xff", ""),
        (b"5", ""),
        (b"[" * 10_000 + b"]" * 10_000, ""),
        (b'[[[[[["deep"]]]]]]', ""),
        (b'{"error":{"message":"two\\n lines\\u0000\\u001b[31m"}}', "two lines[31m"),
    ],
)
def test_an_upstreams_message_is_found(body: bytes, message: str) -> None:
    assert upstream_message(body) == message


def test_an_upstreams_message_is_whole() -> None:
    """Shortened before its secrets are taken out, it could end in half of one."""
    body = json.dumps({"error": {"message": "x" * 10_000}}).encode()
    assert upstream_message(body) == "x" * 10_000


def test_what_broke_a_stream_is_told() -> None:
    assert broken_off(b'{"detail":"overloaded"}').message == "the upstream broke the stream off: overloaded"
    assert broken_off(b"").message.endswith("no message")
    assert unreadable(ValueError("odd")).message.endswith("found a chunk that cannot be read: odd")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"error":{"code":429,"message":"slow down"}}', 429),
        (b'{"error":{"code":"429","message":"slow down"}}', 429),
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', 429),
        (b'{"type":"error","code":"rate_limit_exceeded","message":"slow down"}', 429),
        (b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}', 429),
        (b'{"error":{"code":502,"message":"down"}}', None),
        (b'{"error":{"code":[429],"type":{},"message":"down"}}', None),
        (b'{"error":"rate_limit_error"}', None),
        (b'[{"code":429}]', None),
        (b"429", None),
        (b"<html>", None),
    ],
)
def test_an_error_in_a_stream_tells_whether_we_ask_too_much(body: bytes, status: int | None) -> None:
    assert broken_off(body).upstream_status == status
