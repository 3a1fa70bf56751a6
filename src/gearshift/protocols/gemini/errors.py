"""Own errors on the wire: ours said to a caller, as Google's APIs say them.

Source: "Errors" of the Google Cloud APIs, `google.rpc.Status` and `ErrorInfo` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.errors import CallerError, CannotCarry, GearshiftError, NoCandidate
from gearshift.protocols.sse import encode_event

_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SERVER: Final = 500
_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"


def encode_error(error: GearshiftError, extra: bytes = b"") -> bytes:
    """Say `error` as an error body; `extra` is inner JSON text of further top-level members."""
    about: dict[str, object] = {"@type": _INFO, "reason": error.code, "domain": "gearshift"}
    if isinstance(error, CallerError | CannotCarry) and error.param is not None:
        about["metadata"] = {"field": error.param}
    if isinstance(error, NoCandidate) and error.metadata:
        about["decision"] = Raw(error.metadata)
    inner = {
        "code": error.status,
        "message": error.message,
        "status": _STATUS.get(error.status, "INVALID_ARGUMENT" if error.status < _SERVER else "INTERNAL"),
        "details": [about],
    }
    return b'{"error":%b%b}' % (msgspec.json.encode(inner), b"," + extra if extra else b"")


def encode_stream_error(error: GearshiftError, number: int = 0) -> bytes:  # noqa: ARG001 - events have none
    """Say `error` inside a stream."""
    return encode_event(encode_error(error))
