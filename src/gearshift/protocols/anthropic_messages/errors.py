"""Own errors on the wire: ours said to a caller in Anthropic's shape.

Source: the Anthropic API reference, "Errors" (2026-11). `code`, `param` and `metadata` stand beside its members.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import CallerError, CannotCarry, GearshiftError, NoCandidate
from gearshift.protocols.sse import encode_event

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_SERVER: Final = 500


def encode_error(error: GearshiftError, extra: bytes = b"") -> bytes:
    """Say `error` as an error body; `extra` is inner JSON text of further top-level members."""
    inner = msgspec.json.encode(_inner(error))
    return b'{"type":"error","error":%b%b}' % (inner, b"," + extra if extra else b"")


def encode_stream_error(error: GearshiftError, number: int = 0) -> bytes:  # noqa: ARG001 - events have none
    """Say `error` inside a stream."""
    return encode_event(encode_error(error), "error")


def _inner(error: GearshiftError) -> dict[str, str | Raw | None]:
    other = "invalid_request_error" if error.status < _SERVER else "api_error"
    inner: dict[str, str | Raw | None] = {
        "type": _TYPES.get(error.status, other),
        "message": error.message,
        "code": error.code,
    }
    if isinstance(error, CallerError | CannotCarry):
        inner["param"] = error.param
    if isinstance(error, NoCandidate) and error.metadata:
        inner["metadata"] = Raw(error.metadata)
    return inner
