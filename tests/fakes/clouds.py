"""Own fakes of what clouds keep beside their models: servers that hand out tokens, and the keys to ask them with."""

from __future__ import annotations

import json
from functools import cache
from urllib.parse import parse_qs

from gearshift.execution.tokens import Ask
from tests.fakes.upstream import Scene, Seen, Wire

TOKEN = "ya29.a-token-that-proves-us"


def hands_out(token: str = TOKEN, expires_in: object = 3600, **extra: object) -> Scene:
    """Answer with a token; `expires_in` None leaves it out."""
    life = {} if expires_in is None else {"expires_in": expires_in}
    return tells({"access_token": token, "token_type": "Bearer", **life, **extra})


def tells(answer: object, status: int = 200) -> Scene:
    """Answer with any JSON, or raw bytes."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    async def scene(wire: Wire) -> None:
        wire.head(status, length=len(body))
        wire.send(body)

    return scene


def form(seen: Seen) -> dict[str, str]:
    """Give the form that was posted."""
    return fields(Ask("", seen.headers, seen.body))


def fields(ask: Ask) -> dict[str, str]:
    """Give the fields of a form that asks for a token."""
    assert ask.headers["content-type"] == "application/x-www-form-urlencoded"
    assert ask.body is not None
    return {name: values[0] for name, values in parse_qs(ask.body.decode(), strict_parsing=True).items()}


@cache
def private_key() -> str:
    """Make an RSA key, once."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as dear as it is rare
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account(token_uri: str, **changes: object) -> str:
    """Give the file of a service account, as Google makes it."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "key-1",
            "private_key": private_key(),
            "client_email": "gateway@project-1.iam.gserviceaccount.com",
            "client_id": "1",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            **changes,
        },
        indent=2,
    )


def user(token_uri: str, **changes: object) -> str:
    """Give the file that `gcloud auth application-default login` leaves."""
    return json.dumps(
        {
            "type": "authorized_user",
            "client_id": "client-1",
            "client_secret": "client-secret-of-gcloud",
            "refresh_token": "1//refresh-token-of-a-user",
            "token_uri": token_uri,
            **changes,
        }
    )
