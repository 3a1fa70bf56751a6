"""AWS's own library signs the same calls in the same way."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from botocore import auth as botocore_auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proof import Outgoing
from gearshift.execution.sigv4 import SigV4

KEY = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
NOW = 1_790_000_000.0
HOST = "https://bedrock-runtime.eu-central-1.amazonaws.com"
MODEL = "/model/anthropic.claude-sonnet-5-v1%3A0/converse"


def ours(call: Outgoing, token: str | None = None) -> Outgoing:
    parts = KEY | ({"session_token": token} if token else {})
    return SigV4(parts, "eu-central-1", wall_clock=lambda: NOW).sign(call, NOW)


def theirs(call: Outgoing, token: str | None = None) -> dict[str, str]:
    request = AWSRequest(method="POST", url=call.url, headers=dict(call.headers), data=call.body)
    credentials = Credentials(KEY["access_key_id"], KEY["secret_access_key"], token)
    signer = botocore_auth.SigV4Auth(credentials, "bedrock", "eu-central-1")
    with mock.patch.object(botocore_auth, "get_current_datetime", return_value=datetime.fromtimestamp(NOW, UTC)):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def both(call: Outgoing, token: str | None = None) -> None:
    made, expected = ours(call, token), theirs(call, token)
    assert made.headers["x-amz-date"] == expected["x-amz-date"]
    assert made.headers["authorization"] == expected["authorization"]


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE/session=="])
@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}{MODEL}",
        f"{HOST}{MODEL}-stream",
        f"{HOST}/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ainference-profile%2Fp/converse",
        f"{HOST}/openai/v1/chat/completions",
        "http://127.0.0.1:4566/model/a%20b/converse",
        f"{HOST}/x?b=2&a=1%2F&a=0&c=",
        HOST,
    ],
)
def test_the_signature_is_botocores(url: str, token: str | None) -> None:
    both(Outgoing(url, {"content-type": "application/json"}, b'{"messages":[]}'), token)


@given(st.text(min_size=1, max_size=40), st.binary(max_size=50))
def test_so_it_is_for_any_model_and_body(model: str, body: bytes) -> None:
    from urllib.parse import quote  # noqa: PLC0415

    name = quote(model.encode("utf-8", "replace"), safe="")
    if name not in {".", ".."}:
        both(Outgoing(f"{HOST}/model/{name}/converse", {"content-type": "application/json"}, body))


def test_a_published_example_of_aws() -> None:
    """`post-vanilla` of AWS's Signature Version 4 test suite, but for its service."""
    signer = SigV4(
        {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
        "us-east-1",
        wall_clock=lambda: 0.0,
    )
    with mock.patch("gearshift.execution.sigv4.SERVICE", "service"):
        made = signer.sign(Outgoing("https://example.amazonaws.com/", {}, b""), 1_440_938_160.0)
    assert made.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


def test_the_key_never_leaves_and_the_call_is_not_changed() -> None:
    call = Outgoing(f"{HOST}{MODEL}", {"content-type": "application/json"}, b"{}")
    signer = SigV4({**KEY, "session_token": "a-session"}, "eu-central-1", wall_clock=lambda: NOW)
    signer.refused()
    made = asyncio.run(signer.prove(call, Http1Upstream()))
    assert made == ours(call, "a-session")
    assert KEY["secret_access_key"] not in str(made)
    assert made.headers["x-amz-security-token"] == "a-session"
    assert call.headers == {"content-type": "application/json"}
    assert signer.secrets == [KEY["secret_access_key"], "a-session"]
    assert re.fullmatch(r"\d{8}T\d{6}Z", made.headers["x-amz-date"])
    seen: Any = repr(signer)
    assert "EXAMPLEKEY" not in seen
