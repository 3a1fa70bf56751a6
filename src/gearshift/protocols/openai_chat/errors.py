"""Own errors on the wire: ours said to a caller.

Invariant: an error inside a stream is never followed by a terminator, so that no client takes a broken answer for a
whole one.
Source: the OpenAI API reference, "Error codes" (2026-11); OpenRouter, "Errors".
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
    inner = msgspec.json.encode(_inner(error))
    return b'{"error":%b,%b}' % (inner, extra) if extra else b'{"error":%b}' % inner


def encode_stream_error(error: GearshiftError, number: int = 0) -> bytes:  # noqa: ARG001 - events have none
    """Say `error` inside a stream, as OpenAI does: clients raise on the top-level `error`.

    There are no `choices` beside it, as OpenRouter has them: the AI SDK (@ai-sdk/openai 4.0) takes what has `choices`
    for a chunk and the answer for a whole one.
    """
    return encode_event(b'{"error":%b}' % msgspec.json.encode(_inner(error)))


def _inner(error: GearshiftError) -> dict[str, str | Raw | None]:
    """Give OpenAI's members, and OpenRouter's `metadata` where nobody fits."""
    other = "invalid_request_error" if error.status < _SERVER else "server_error"
    inner: dict[str, str | Raw | None] = {
        "message": error.message,
        "type": _TYPES.get(error.status, other),
        "param": error.param if isinstance(error, CallerError | CannotCarry) else None,
        "code": error.code,
    }
    if isinstance(error, NoCandidate) and error.metadata:
        inner["metadata"] = Raw(error.metadata)
    return inner
