"""Own the list of protocols: to add one is to add a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gearshift.protocols import anthropic_messages, bedrock_converse, gemini, openai_chat, openai_responses
from gearshift.protocols.codec import Codec

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
