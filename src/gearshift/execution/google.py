"""Own how Google's credentials ask for a token: a service account's signed word, or a user's refresh token.

Sources (2026-11): RFC 7523 (JWT bearer grant), RFC 7515 (JWS, RS256); google-auth 2.63 `service_account.py` and
`_default.py`: the forms of the file, the audience, the lifetime of an hour.
Invariant: whatever the file holds, `credential` gives a grant or a ConfigError that shows none of it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from gearshift.errors import ConfigError
from gearshift.execution.tokens import Ask, form
from gearshift.types.catalog import Seconds

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - a URL
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME: Final = 3600
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
INSTALL: Final = "pip install 'gearshift[google]'"


class _File(Struct, frozen=True, kw_only=True):
    """Hold the members of a credential's file that are used."""

    type: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str | None = None
    token_uri: str = TOKEN_URL
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""


class ServiceAccount:
    """Ask with a word that the account's key signed."""

    def __init__(self, file: _File, key: RSAPrivateKey) -> None:
        """Take what the file says, and its key, read."""
        self.url = file.token_uri
        self._file = file
        self._key = key

    @property
    def secrets(self) -> Sequence[str]:
        """The key, without its frame."""
        return ["".join(self._file.private_key.split("-----")[2:3]).strip()]

    def ask(self, now: Seconds) -> Ask:
        """Sign for the hour that begins `now`."""
        return form(self.url, {"grant_type": JWT_GRANT, "assertion": self._assertion(int(now))})

    def _assertion(self, now: int) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        file = self._file
        head = {"alg": "RS256", "typ": "JWT", **({"kid": file.private_key_id} if file.private_key_id else {})}
        claims = {"iss": file.client_email, "scope": SCOPE, "aud": self.url, "iat": now, "exp": now + LIFETIME}
        said = b".".join(_encode(msgspec.json.encode(part)) for part in (head, claims))
        return b".".join([said, _encode(self._key.sign(said, PKCS1v15(), SHA256()))]).decode()


class User:
    """Ask with the refresh token that `gcloud auth application-default login` left."""

    def __init__(self, file: _File) -> None:
        """Take what the file says."""
        self.url = file.token_uri
        self._file = file

    @property
    def secrets(self) -> Sequence[str]:
        """The refresh token and the client's secret."""
        return [self._file.refresh_token, self._file.client_secret]

    def ask(self, now: Seconds) -> Ask:  # noqa: ARG002 - nothing is signed
        """Ask for another token."""
        file = self._file
        fields = {
            "grant_type": "refresh_token",
            "client_id": file.client_id,
            "client_secret": file.client_secret,
            "refresh_token": file.refresh_token,
        }
        return form(self.url, fields)


def credential(text: str) -> ServiceAccount | User:
    """Read a credential's file; raise ConfigError with one fault when it cannot be used."""
    try:
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _fault("found no JSON of a credential, expected the file of a service account") from None
    where = urlsplit(file.token_uri)
    if where.scheme != "https" and not (where.scheme == "http" and where.hostname in _LOOPBACK):
        raise _fault("found a token_uri that is not https (not shown); take the file as Google gave it")
    match file.type:
        case "service_account":
            _demand(file, "client_email", "private_key")
            return ServiceAccount(file, _key(file.private_key))
        case "authorized_user":
            _demand(file, "client_id", "client_secret", "refresh_token")
            return User(file)
        case _:
            raise _fault(
                "found a credential of another type, expected service_account or authorized_user; "
                "make a key of a service account, or run `gcloud auth application-default login`"
            )


def _key(pem: str) -> RSAPrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError:
        raise _fault(f"found no package cryptography, which signs for a service account; do: {INSTALL}") from None
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise _fault("found a private_key that cannot be read; take the file as Google gave it") from None
    if not isinstance(key, RSAPrivateKey):
        raise _fault("found a private_key that is not RSA; take the file as Google gave it")
    return key


def _demand(file: _File, *names: str) -> None:
    missing = [name for name in names if not getattr(file, name)]
    if missing:
        raise _fault(f"found no {' and no '.join(missing)} in the file of a credential; take it as Google gave it")


def _fault(problem: str) -> ConfigError:
    return ConfigError([problem], source="Google's credential")


def _encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
