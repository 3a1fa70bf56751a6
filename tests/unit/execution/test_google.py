"""Google's credentials: what is signed is what Google's own library signs; what cannot be used is said."""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import jwt

from gearshift.errors import ConfigError
from gearshift.execution.google import SCOPE, TOKEN_URL, credential
from tests.fakes.clouds import fields, private_key, service_account, user

NOW = 1_790_000_000.7


def part(text: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return said


def test_a_service_account_signs_for_an_hour() -> None:
    form = fields(credential(service_account(TOKEN_URL)).ask(NOW))
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = form["assertion"].split(".")
    assert part(head) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert part(claims) == {
        "iss": "gateway@project-1.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": TOKEN_URL,
        "iat": 1_790_000_000,
        "exp": 1_790_003_600,
    }
    key = load_pem_private_key(private_key().encode(), None)
    assert isinstance(key, RSAPrivateKey)
    padded = signature + "=" * (-len(signature) % 4)
    key.public_key().verify(urlsafe_b64decode(padded), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


def test_googles_own_library_reads_it() -> None:
    said = fields(credential(service_account(TOKEN_URL)).ask(NOW))["assertion"]
    assert jwt.decode(said, verify=False)["aud"] == TOKEN_URL  # type: ignore[no-untyped-call]


def test_a_user_asks_with_a_refresh_token() -> None:
    made = credential(user("https://oauth2.example/token"))
    assert made.url == "https://oauth2.example/token"
    assert fields(made.ask(NOW)) == {
        "grant_type": "refresh_token",
        "client_id": "client-1",
        "client_secret": "client-secret-of-gcloud",
        "refresh_token": "1//refresh-token-of-a-user",
    }
    assert set(made.secrets) == {"client-secret-of-gcloud", "1//refresh-token-of-a-user"}


def test_without_a_token_uri_it_is_googles() -> None:
    said = json.loads(user("x"))
    del said["token_uri"]
    assert credential(json.dumps(said)).url == TOKEN_URL


def test_the_key_is_a_secret() -> None:
    (secret,) = credential(service_account(TOKEN_URL)).secrets
    assert secret.startswith("MII")
    assert secret in private_key()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sk-hunter2", "no JSON of a credential"),
        ('["hunter2"]', "no JSON of a credential"),
        ('{"type": 3}', "no JSON of a credential"),
        ('{"type": "external_account", "x": "hunter2"}', "expected service_account or authorized_user"),
        (service_account(TOKEN_URL, private_key="hunter2"), "cannot be read"),
        (service_account(TOKEN_URL, private_key=""), "no private_key"),
        (service_account(TOKEN_URL, client_email="", private_key=""), "no client_email and no private_key"),
        (service_account("http://evil.example/hunter2"), "not https"),
        (user(TOKEN_URL, refresh_token=""), "no refresh_token"),
    ],
)
def test_what_cannot_be_used_is_said_and_not_shown(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        credential(text)
    (fault,) = caught.value.faults
    assert words in fault
    assert "hunter2" not in caught.value.message


def test_a_key_of_another_kind_is_said() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigError, match="not RSA"):
        credential(service_account(TOKEN_URL, private_key=pem.decode()))


def test_a_missing_package_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = service_account(TOKEN_URL)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.rsa", None)
    with pytest.raises(ConfigError, match=r"pip install 'gearshift\[google\]'"):
        credential(said)
