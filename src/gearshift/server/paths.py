"""Own which path speaks which protocol.

Sources: the API references of OpenAI, Anthropic and Gemini (2026-11). Google's clients put versions, and with Vertex AI
projects and publishers, before `models/`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.codec import Codec
from gearshift.protocols.registry import CODECS
from gearshift.server.asgi import Scope, header

INFERENCE: Final = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
}
"""Where requests of each protocol come in, but for Gemini's, whose paths say the model."""
COUNT: Final = "/v1/messages/count_tokens"
GEMINI_MODELS: Final = "/v1beta/models"
_GEMINI: Final = re.compile(r"/v1(?:alpha|beta)?\d*/(?:[^:]+/)?models/[^:]+:(?P<verb>\w+)")
GENERATE: Final = frozenset({"generateContent", "streamGenerateContent"})
COUNT_VERB: Final = "countTokens"
VERSION: Final = b"anthropic-version"


def gemini_verb(path: str) -> str | None:
    """Give what a path asks Gemini's API to do, None where it is none of that API's."""
    found = _GEMINI.fullmatch(path)
    return found["verb"] if found else None


def codec_of(scope: Scope) -> Codec:
    """Give the protocol that a caller of this path speaks: its errors are told in it."""
    path: str = scope["path"]
    if path in INFERENCE:
        return CODECS[INFERENCE[path]]
    if path.startswith("/v1/messages") or header(scope, VERSION) is not None:
        return CODECS["anthropic_messages"]
    if gemini_verb(path) is not None or path.startswith(("/v1beta/", "/v1alpha/", "/v1beta1/")):
        return CODECS["gemini"]
    return CODECS["openai_chat"]


class _Marks(Struct):
    """Hold the fields by which bodies are told apart."""

    model: Raw = Raw()
    contents: Raw = Raw()
    input: Raw = Raw()
    system: Raw = Raw()
    stop_sequences: Raw = Raw()


_marks = msgspec.json.Decoder(_Marks)


def spoken_in(scope: Scope, body: bytes) -> tuple[Codec, str]:
    """Tell the protocol of a body that comes without its path, and the path that it would have.

    Gemini's says its model in a member of its own here; Anthropic's shows by its header or by its own fields.
    """
    try:
        marks = _marks.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return codec_of(scope), ""
    if bytes(marks.contents):
        try:
            name = msgspec.json.decode(marks.model, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            name = "auto"
        return CODECS["gemini"], f"{GEMINI_MODELS}/{name}:generateContent"
    if bytes(marks.input):
        return CODECS["openai_responses"], ""
    if bytes(marks.system) or bytes(marks.stop_sequences):
        return CODECS["anthropic_messages"], ""
    return codec_of(scope), ""
