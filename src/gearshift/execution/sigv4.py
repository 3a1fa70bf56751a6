"""Own AWS Signature Version 4: a POST is signed with a key of ours, which itself never leaves.

Source: docs.aws.amazon.com, "Create a signed AWS API request" (2026-11); held to botocore's signer in the tests. Ours,
for it is hashing alone: botocore weighs 17 MB, and AWS's own signer wants Python 3.12.
Invariant: what is signed is what is sent; the body, the host and the time are part of it.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from gearshift.execution.proof import Outgoing
from gearshift.execution.upstream import Upstream
from gearshift.types.catalog import Seconds

SERVICE: Final = "bedrock"
ALGORITHM: Final = "AWS4-HMAC-SHA256"


class SigV4:
    """Prove calls by a signature."""

    def __init__(self, parts: Mapping[str, str], region: str, *, wall_clock: Callable[[], float]) -> None:
        """Take the key; `wall_clock` gives seconds since 1970."""
        self._id = parts["access_key_id"]
        self._secret = parts["secret_access_key"]
        self._token = parts.get("session_token")
        self._region = region
        self._wall_clock = wall_clock

    @property
    def secrets(self) -> Sequence[str]:
        """The key and the session's token."""
        return [self._secret, *([self._token] if self._token else [])]

    def refused(self) -> bool:
        """Say no: nothing is kept that could be stale."""
        return False

    async def prove(self, call: Outgoing, upstream: Upstream) -> Outgoing:  # noqa: ARG002 - nothing is fetched
        """Sign `call`."""
        return self.sign(call, self._wall_clock())

    def sign(self, call: Outgoing, now: Seconds) -> Outgoing:
        """Give `call` with its signature as of `now`."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        added = {"x-amz-date": stamp, **({"x-amz-security-token": self._token} if self._token else {})}
        signed = {"host": urlsplit(call.url).netloc, **added}
        if "content-type" in call.headers:
            signed["content-type"] = call.headers["content-type"]
        names = ";".join(sorted(signed))
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        request = hashlib.sha256(_canonical(call, signed, names).encode()).hexdigest()
        signature = hmac.new(self._key(scope), f"{ALGORITHM}\n{stamp}\n{scope}\n{request}".encode(), hashlib.sha256)
        proof = f"{ALGORITHM} Credential={self._id}/{scope}, SignedHeaders={names}, Signature={signature.hexdigest()}"
        return call._replace(headers=call.headers | added | {"authorization": proof})

    def _key(self, scope: str) -> bytes:
        key = b"AWS4" + self._secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def _canonical(call: Outgoing, signed: Mapping[str, str], names: str) -> str:
    """Write the request as both sides do; the path, escaped as it is sent, is escaped once more."""
    parts = urlsplit(call.url)
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in _query(parts.query))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    headers = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    digest = hashlib.sha256(call.body).hexdigest()
    return "\n".join(["POST", quote(parts.path or "/", safe="/-_.~"), query, headers, names, digest])


def _query(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)
