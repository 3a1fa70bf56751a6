"""Own errors on the wire: ours said to a caller, as OpenAI says them.

In a stream an error is said twice in its event: flat, as the reference has it, and under `error`, as OpenAI sends it.
Clients read one or the other: the SDKs raise for the second only.
Source: the OpenAI API reference, "Error codes", and "Streaming events", `error` (2026-11);
https://github.com/openai/openai-dotnet/issues/881 (2025-12), https://github.com/openai/openai-node/pull/2021 (2026-08).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import CallerError, CannotCarry, GearshiftError, NoCandidate
from gearshift.protocols.sse import encode_event

_TYPES: Final = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}
_SERVER: Final = 500


def encode_error(error: GearshiftError, extra: bytes = b"") -> bytes:
    """Say `error` as an error body; `extra` is inner JSON text of further top-level members."""
    inner = _typed(error)
    if isinstance(error, NoCandidate) and error.metadata:
        inner["metadata"] = Raw(error.metadata)
    return b'{"error":%b%b}' % (msgspec.json.encode(inner), b"," + extra if extra else b"")


def encode_stream_error(error: GearshiftError, number: int = 0) -> bytes:
    """Say `error` inside a stream, of which it is the event `number`."""
    said = {"type": "error", "sequence_number": number, **_inner(error), "error": _typed(error)}
    return encode_event(msgspec.json.encode(said), "error")


def _typed(error: GearshiftError) -> dict[str, object]:
    other = "invalid_request_error" if error.status < _SERVER else "server_error"
    return {**_inner(error), "type": _TYPES.get(error.status, other)}


def _inner(error: GearshiftError) -> dict[str, object]:
    param = error.param if isinstance(error, CallerError | CannotCarry) else None
    return {"message": error.message, "param": param, "code": error.code}
