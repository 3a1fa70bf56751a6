"""Own errors on the wire: ours said in its shape.

Source: botocore's model of bedrock-runtime, `ValidationException` and its like: an object with a `message` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec

from gearshift.errors import GearshiftError
from gearshift.protocols.bedrock_converse.frames import encode_frame

_TYPES: Final = {400: "validationException", 429: "throttlingException", 503: "serviceUnavailableException"}


def encode_error(error: GearshiftError, extra: bytes = b"") -> bytes:
    """Say `error` as an error body; `extra` is inner JSON text of further top-level members."""
    message = msgspec.json.encode(error.message)
    return b'{"message":%b%b}' % (message, b"," + extra if extra else b"")


def encode_stream_error(error: GearshiftError, number: int = 0) -> bytes:  # noqa: ARG001 - events have none
    """Say `error` inside a stream."""
    return encode_frame(encode_error(error), _TYPES.get(error.status, "internalServerException"), kind="exception")
