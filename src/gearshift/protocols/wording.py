"""Own an upstream's words: the message of its error, and the errors that we make of what it said.

Invariant: an upstream's words are one printable line, and whole, for a secret that was cut can no more be found in
them: who knows the secret shortens them.
Sources: the error bodies of the protocols; OpenRouter, "Errors"; FastAPI's `detail` (vLLM, SGLang); AWS's front writes
`Message` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec

from gearshift.errors import StreamBroken, UpstreamInvalid

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON of an upstream's may raise."""
_MAX_SHELLS: Final = 4
"""Objects and lists around a message that are looked into."""
_BEHIND: Final = "Provider returned error"
"""What OpenRouter says where the provider behind it has said what is wrong."""


def upstream_message(body: bytes) -> str:
    """Give the human message of an upstream's error body, on one line; "" when there is none."""
    try:
        said = msgspec.json.decode(body)
    except MALFORMED:
        return ""
    return line(_message(said, _MAX_SHELLS))


def line(text: str) -> str:
    """Give an upstream's words on one line, without control characters."""
    flat = " ".join(text.split())
    return flat if flat.isprintable() else "".join(filter(str.isprintable, flat))


def invalid(problem: str) -> UpstreamInvalid:
    """Make the error of an answer that is none."""
    return UpstreamInvalid(f"the upstream's answer: {problem}")


def closed_early() -> StreamBroken:
    """Make the error of a stream whose input ended before its answer."""
    return StreamBroken("the upstream closed the stream before the end of its answer")


def text_of(data: bytes) -> bytes:
    """Give `data`, which is text; raise UpstreamInvalid where it is none: nobody could read what is passed on."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise unreadable(error) from None
    return data


def unreadable(error: Exception) -> UpstreamInvalid:
    """Make the error of a stream with a chunk in which text may have been lost."""
    return invalid(f"found a chunk that cannot be read: {error}")


def behind(raw: object) -> object:
    """Give what the provider behind OpenRouter said: `raw` is its JSON, as text or within `data`, or plain words."""
    if isinstance(raw, dict) and isinstance(raw.get("data"), str):
        raw = raw["data"]
    if not isinstance(raw, str):
        return raw
    try:
        return msgspec.json.decode(raw)
    except (*MALFORMED, UnicodeEncodeError):
        return raw


def _message(said: object, shells: int) -> str:
    """Find the message in one of the forms that are about: see the sources."""
    match said:
        case str():
            return said
        case [first, *_] if shells:
            return _message(first, shells - 1)
        case {"message": str(words), "metadata": {"raw": raw}} if shells and words == _BEHIND:
            return _message(behind(raw), shells - 1) or words
        case {"error": inner} | {"message": inner} | {"detail": inner} | {"msg": inner} if inner and shells:
            return _message(inner, shells - 1)
        case {"Message": inner} | {"errors": inner} if inner and shells:
            return _message(inner, shells - 1)
        case _:
            return ""
