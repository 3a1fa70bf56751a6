"""Own which models of a provider Gearshift can call, and by which built-in provider, where the prefix alone tells not.

Sources, read 2026-11-27: https://docs.litellm.ai/docs/providers/vertex, .../vertex_partner, .../bedrock,
.../perplexity; https://docs.perplexity.ai/docs/grounded-llm/openai-compatibility and
https://docs.perplexity.ai/docs/getting-started/integrations/litellm; google-genai's `_transformers.py`
(`t_is_vertex_embed_content_model`).
"""

from __future__ import annotations

import re
from typing import Final

from gearshift.migration.findings import Reason

VERTEX: Final = frozenset({"vertex_ai", "vertex_ai_beta"})
BEDROCK: Final = frozenset({"bedrock", "bedrock_converse"})
_NO_MODEL: Final = re.compile(r"(agent|agentcore|async_invoke|claude_platform|mantle)/")
_TUNED: Final = re.compile(r"([a-z]+/)?\d+")

_PREDICT: Final = Reason(
    "Vertex AI makes embeddings by :predict, or of one text at a time, neither of which Gearshift asks for",
    "use the model by the Gemini API (gemini/…), or keep it at LiteLLM",
)
_ENDPOINT: Final = Reason(
    "it is an endpoint of your own on Vertex AI; Gearshift calls the models of Google and Anthropic there",
    "keep it at LiteLLM, as a provider with its base_url",
)
_PARTNER: Final = Reason(
    "on Vertex AI the import knows Gemini and Claude only",
    "declare a provider with protocol: openai_chat, auth: google and Vertex AI's OpenAI-compatible address "
    "(https://HOST/v1/projects/PROJECT/locations/REGION/endpoints/openapi), if it serves the model",
)
_INVOKE: Final = Reason(
    "Bedrock makes embeddings by a protocol of its own (InvokeModel)", "use another provider, or keep it at LiteLLM"
)
_NO_CHAT: Final = Reason("it is not a model that Bedrock's Converse calls", "keep it at LiteLLM")
_SONAR: Final = Reason(
    "Sonar's chat completions, which LiteLLM calls, ended on 2026-09-27",
    "declare a model of Perplexity's Agent API at the provider perplexity; it is named vendor/model there",
)
_PRESET: Final = Reason("a preset of Perplexity's Agent API is no model", "name one of its models")
_NO_EMBEDDINGS: Final = Reason(
    "this provider makes no embeddings", "see whether the entry is one of a model that chats"
)


def family(prefix: str, model: str, *, embeds: bool) -> str | Reason | None:
    """Give the built-in provider of a model, None: that of its prefix; a reason: Gearshift cannot call it."""
    if prefix in VERTEX:
        return _of_vertex(model, embeds=embeds)
    if prefix in BEDROCK:
        return _INVOKE if embeds else _NO_CHAT if _NO_MODEL.match(model) else None
    if prefix == "perplexity":
        return _SONAR if "/" not in model else _PRESET if model.startswith("preset/") else None
    return _NO_EMBEDDINGS if prefix == "anthropic" and embeds else None


def _of_vertex(model: str, *, embeds: bool) -> str | Reason:
    if embeds:
        return _PREDICT
    if model.startswith("gemini-"):
        return "vertex"
    if model.startswith("claude-"):
        return "vertex_anthropic"
    return _ENDPOINT if _TUNED.fullmatch(model) else _PARTNER
