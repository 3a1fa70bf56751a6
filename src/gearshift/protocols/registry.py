"""Own the list of protocols: to add one is to add a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gearshift.protocols import (
    anthropic_messages,
    bedrock_converse,
    gemini,
    gemini_embeddings,
    openai_chat,
    openai_embeddings,
    openai_responses,
)
from gearshift.protocols.codec import Codec
from gearshift.protocols.embedding import Embedder

CODECS: Final[Mapping[str, Codec]] = {
    codec.name: codec
    for codec in (
        openai_chat.codec,
        openai_responses.codec,
        anthropic_messages.codec,
        gemini.codec,
        bedrock_converse.codec,
    )
}
"""Every protocol's codec by its name."""
CALLERS: Final = tuple(name for name in CODECS if name != bedrock_converse.codec.name)
"""Those that callers speak: Bedrock's sign their requests for AWS alone."""
EMBEDDERS: Final[Mapping[str, Embedder]] = {
    codec.name: codec for codec in (openai_embeddings.codec, gemini_embeddings.codec)
}
"""Every codec of embeddings by its name."""
EMBEDDER_OF: Final[Mapping[str, Embedder]] = {
    "openai_chat": openai_embeddings.codec,
    "openai_responses": openai_embeddings.codec,
    "gemini": gemini_embeddings.codec,
}
"""What a provider of a protocol is asked for vectors in; Anthropic's API has none ("Embeddings", 2026-11)."""
