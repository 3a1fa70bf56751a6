"""Own an upstream's words: the message of its error, and the errors that we make of what it said.

Invariant: an upstream's words are one printable line, and whole, for a secret that was cut can no more be found in
them: who knows the secret shortens them.
Sources: the error bodies of the protocols; OpenRouter, "Errors"; FastAPI's `detail` (vLLM, SGLang) (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec

from gearshift.errors import TOO_MANY, StreamBroken, UpstreamInvalid

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON of an upstream's may raise."""
_THROTTLED: Final = frozenset({429, "429", "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"})
"""What says that we ask too much: OpenRouter's code, Anthropic's type, OpenAI's code, Google's status."""
_MAX_SHELLS: Final = 4
"""Objects and lists around a message that are looked into."""


def upstream_message(body: bytes) -> str:
    """Give the human message of an upstream's error body, on one line; "" when there is none."""
    try:
        said = msgspec.json.decode(body)
    except MALFORMED:
        return ""
    return line(_message(said, _MAX_SHELLS))


def line(text: str) -> str:
    """Give an upstream's words on one line, without control characters."""
    return "".join(filter(str.isprintable, " ".join(text.split())))


def invalid(problem: str) -> UpstreamInvalid:
    """Make the error of an answer that is none."""
    return UpstreamInvalid(f"the upstream's answer: {problem}")


def broken_off(data: bytes) -> StreamBroken:
    """Make the error of a stream in which the upstream said `data`."""
    message = f"the upstream broke the stream off: {upstream_message(data) or 'no message'}"
    return StreamBroken(message, upstream_status=TOO_MANY if _is_throttled(data) else None)


def closed_early() -> StreamBroken:
    """Make the error of a stream whose input ended before its answer."""
    return StreamBroken("the upstream closed the stream before the end of its answer")


def unreadable(error: Exception) -> UpstreamInvalid:
    """Make the error of a stream with a chunk in which text may have been lost."""
    return invalid(f"found a chunk that cannot be read: {error}")


def _is_throttled(data: bytes) -> bool:
    """Say whether an error names our rate as its reason."""
    try:
        said = msgspec.json.decode(data)
    except MALFORMED:
        return False
    inner = said.get("error", said) if isinstance(said, dict) else None
    if not isinstance(inner, dict):
        return False
    found = (inner.get("code"), inner.get("type"), inner.get("status"))
    return any(isinstance(word, int | str) and word in _THROTTLED for word in found)


def _message(said: object, shells: int) -> str:
    """Find the message in one of the forms that are about: see the sources."""
    match said:
        case str():
            return said
        case [first, *_] if shells:
            return _message(first, shells - 1)
        case {"error": inner} | {"message": inner} | {"detail": inner} | {"msg": inner} if inner and shells:
            return _message(inner, shells - 1)
        case _:
            return ""
