"""Own which path speaks which protocol.

Sources: the API references of OpenAI, Anthropic and Gemini (2026-11). Google's clients put versions, and with Vertex AI
projects and publishers, before `models/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.registry import CODECS, EMBEDDERS
from gearshift.protocols.voice import Voice
from gearshift.server.asgi import Scope, header

INFERENCE: Final = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
    "/v1/embeddings": "openai_embeddings",
}
"""Where requests of each protocol come in, but for Gemini's, whose paths say the model."""
COUNT: Final = "/v1/messages/count_tokens"
FEEDBACK: Final = "/v1/feedback"
GEMINI_MODELS: Final = "/v1beta/models"
_GEMINI: Final = re.compile(r"/v1(?:alpha|beta)?\d*/(?:[^:]+/)?models/[^:]+:(?P<verb>\w+)")
GENERATE: Final = frozenset({"generateContent", "streamGenerateContent"})
EMBED: Final = frozenset({"embedContent", "batchEmbedContents"})
COUNT_VERB: Final = "countTokens"
VOICES: Final[Mapping[str, Voice]] = {**CODECS, **EMBEDDERS}
"""Everything that a caller may speak, by its name."""
VERSION: Final = b"anthropic-version"


def gemini_verb(path: str) -> str | None:
    """Give what a path asks Gemini's API to do, None where it is none of that API's."""
    found = _GEMINI.fullmatch(path)
    return found["verb"] if found else None


def codec_of(scope: Scope) -> Voice:
    """Give the protocol that a caller of this path speaks: its errors are told in it."""
    path: str = scope["path"]
    if path in INFERENCE:
        return VOICES[INFERENCE[path]]
    if path.startswith("/v1/messages") or header(scope, VERSION) is not None:
        return CODECS["anthropic_messages"]
    if gemini_verb(path) is not None or path.startswith(("/v1beta/", "/v1alpha/", "/v1beta1/")):
        return CODECS["gemini"]
    return CODECS["openai_chat"]


class _Marks(Struct):
    """Hold the fields by which bodies are told apart."""

    model: Raw = Raw()
    contents: Raw = Raw()
    content: Raw = Raw()
    requests: Raw = Raw()
    input: Raw = Raw()
    dimensions: Raw = Raw()
    encoding_format: Raw = Raw()
    system: Raw = Raw()
    stop_sequences: Raw = Raw()


_marks = msgspec.json.Decoder(_Marks)


_GEMINI_NAMES: Final = {
    "generateContent": "gemini",
    "embedContent": "gemini_embeddings",
    "batchEmbedContents": "gemini_embeddings",
}


def _name(model: Raw) -> str:
    try:
        return msgspec.json.decode(model, type=str).removeprefix("models/")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "auto"


def _is_embedding(marks: _Marks) -> bool:
    """Tell a request for vectors from one of Responses, whose inputs are a text or a list of objects.

    One text alone, without a word on its vector, may be either, and is taken for the latter.
    """
    if bytes(marks.dimensions) or bytes(marks.encoding_format):
        return True
    given = bytes(marks.input).lstrip()
    return given[:1] == b"[" and given[1:].lstrip()[:1] not in {b"{", b"]"}


def spoken_in(scope: Scope, body: bytes) -> tuple[Voice, str]:
    """Tell the protocol of a body that comes without its path, and the path that it would have.

    Gemini's says its model in a member of its own here; Anthropic's shows by its header or by its own fields, and a
    request for vectors by its inputs.
    """
    try:
        marks = _marks.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return codec_of(scope), ""
    for raw, verb in (
        (marks.contents, "generateContent"),
        (marks.content, "embedContent"),
        (marks.requests, "batchEmbedContents"),
    ):
        if bytes(raw):
            return VOICES[_GEMINI_NAMES[verb]], f"{GEMINI_MODELS}/{_name(marks.model)}:{verb}"
    if bytes(marks.input):
        return VOICES["openai_embeddings" if _is_embedding(marks) else "openai_responses"], ""
    if bytes(marks.system) or bytes(marks.stop_sequences):
        return CODECS["anthropic_messages"], ""
    return codec_of(scope), ""
