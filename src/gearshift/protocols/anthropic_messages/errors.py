"""Own errors on the wire: ours said to a caller in Anthropic's shape.

Source: the Anthropic API reference, "Errors" (2026-11). `code`, `param` and `metadata` stand beside its members.
A prompt that is too long is said in Anthropic's words, whoever found it so: its clients know it by them and shorten it.
"""

from __future__ import annotations

import re
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
TOO_LONG: Final = "context_length_exceeded"
_WORDS: Final = "prompt is too long"
_COUNT: Final = re.compile(r"(?<![\w.-])[0-9][0-9,]{2,11}(?![\w-])")
"""A number of tokens; what is a part of a name is none."""


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
        "message": _too_long(error.message) if error.code == TOO_LONG else error.message,
        "code": error.code,
    }
    if isinstance(error, CallerError | CannotCarry):
        inner["param"] = error.param
    if isinstance(error, NoCandidate) and error.metadata:
        inner["metadata"] = Raw(error.metadata)
    return inner


def _too_long(message: str) -> str:
    """Say that a prompt is too long: how many tokens it has, and how many it may have, are the greatest named."""
    if (at := message.find(_WORDS)) >= 0:
        return message[at:]
    counts = sorted({int(each.replace(",", "")) for each in _COUNT.findall(message)}, reverse=True)
    if len(counts) < 2:  # noqa: PLR2004 - one alone does not tell
        return f"{_WORDS}: {message}"
    return f"{_WORDS}: {counts[0]} tokens > {counts[1]} maximum ({message})"
