from __future__ import annotations

import json

import pytest

from gearshift.protocols.wording import behind, unreadable, upstream_message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"Too long","type":"x","code":null}}', "Too long"),
        (b'{"error":"Too long"}', "Too long"),
        (b'{"message":"Too long","object":"error"}', "Too long"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"],"msg":"field required"}]}', "field required"),
        (b'[{"error":{"message":"Too long"}}]', "Too long"),
        (b'{"Message":"Too long"}', "Too long"),
        (b'{"success":false,"errors":[{"code":7009,"message":"Too long"}]}', "Too long"),
        (b'{"error":{"message":"Provider returned error","metadata":{"raw":"Too long"}}}', "Too long"),
        (
            b'{"error":{"message":"Provider returned error","metadata":{"raw":"{\\"detail\\":\\"Too long\\"}"}}}',
            "Too long",
        ),
        (b'{"error":{"message":"Provider returned error","metadata":{"raw":null}}}', "Provider returned error"),
        (b'{"error":{"message":"Provider returned error"}}', "Provider returned error"),
        (b'{"error":{"message":"Mine","metadata":{"raw":"Too long"}}}', "Mine"),
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


def test_a_chunk_that_cannot_be_read_is_told() -> None:
    assert unreadable(ValueError("odd")).message.endswith("found a chunk that cannot be read: odd")


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ('{"error":1}', {"error": 1}),
        ({"__kind": "OK", "data": '{"error":1}'}, {"error": 1}),
        ("slow down", "slow down"),
        ("{", "{"),
        ({"data": 5}, {"data": 5}),
        (None, None),
    ],
)
def test_what_the_provider_behind_said_is_found(raw: object, found: object) -> None:
    assert behind(raw) == found
