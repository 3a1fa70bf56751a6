"""Own what LiteLLM calls its providers: the prefix of a model's name, and what it stands for here.

Source: https://docs.litellm.ai/docs/providers and `litellm_core_utils/get_llm_provider_logic.py` of LiteLLM 1.110,
read 2026-11-27.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from gearshift.migration.findings import Reason

AUTO_ROUTER: Final = "auto_router"


class Prefix(Struct, frozen=True, kw_only=True):
    """Hold what a prefix stands for.

    `row` is the built-in provider, None: an endpoint without one. `variable` is where LiteLLM looks for its key,
    `base_url` where it calls it unless told. `suffix` is what base URLs have here and not there.
    """

    row: str | None = None
    variable: str | None = None
    base_url: str | None = None
    suffix: str = ""


def _row(row: str, variable: str | None = None, suffix: str = "") -> Prefix:
    return Prefix(row=row, variable=variable, suffix=suffix)


def _address(base_url: str, variable: str) -> Prefix:
    return Prefix(base_url=base_url, variable=variable)


PREFIXES: Final[dict[str, Prefix]] = {
    "openai": _row("openai", "OPENAI_API_KEY"),
    "azure": _row("azure", "AZURE_API_KEY", "/openai/v1"),
    "anthropic": _row("anthropic", "ANTHROPIC_API_KEY", "/v1"),
    "gemini": _row("google", "GEMINI_API_KEY", "/v1beta"),
    "bedrock": _row("bedrock_converse", "AWS_BEARER_TOKEN_BEDROCK"),
    "bedrock_converse": _row("bedrock_converse", "AWS_BEARER_TOKEN_BEDROCK"),
    "cerebras": _row("cerebras", "CEREBRAS_API_KEY"),
    "cohere": _row("cohere", "COHERE_API_KEY"),
    "cohere_chat": _row("cohere", "COHERE_API_KEY"),
    "dashscope": _row("qwen", "DASHSCOPE_API_KEY"),
    "deepinfra": _row("deepinfra", "DEEPINFRA_API_KEY"),
    "deepseek": _row("deepseek", "DEEPSEEK_API_KEY"),
    "fireworks_ai": _row("fireworks", "FIREWORKS_AI_API_KEY"),
    "groq": _row("groq", "GROQ_API_KEY"),
    "hosted_vllm": _row("vllm"),
    "huggingface": _row("huggingface", "HF_TOKEN", "/v1"),
    "llamafile": _row("llamacpp"),
    "lm_studio": _row("lmstudio"),
    "minimax": _row("minimax", "MINIMAX_API_KEY"),
    "mistral": _row("mistral", "MISTRAL_API_KEY"),
    "moonshot": _row("moonshot", "MOONSHOT_API_KEY"),
    "nvidia_nim": _row("nvidia", "NVIDIA_NIM_API_KEY"),
    "ollama": _row("ollama", suffix="/v1"),
    "ollama_chat": _row("ollama", suffix="/v1"),
    "openrouter": _row("openrouter", "OPENROUTER_API_KEY"),
    "perplexity": _row("perplexity", "PERPLEXITY_API_KEY", "/v1"),
    "sambanova": _row("sambanova", "SAMBANOVA_API_KEY"),
    "together_ai": _row("together", "TOGETHERAI_API_KEY"),
    "vertex_ai": _row("vertex"),
    "vertex_ai_beta": _row("vertex"),
    "vllm": _row("vllm"),
    "xai": _row("xai", "XAI_API_KEY"),
    "zai": _row("zai", "ZAI_API_KEY"),
    "friendliai": _address("https://api.friendli.ai/serverless/v1", "FRIENDLI_TOKEN"),
    "meta_llama": _address("https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    "nebius": _address("https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    "novita": _address("https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    "volcengine": _address("https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
    "wandb": _address("https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
    # OpenAI's protocol at an address that must be told
    "custom_openai": Prefix(),
    "litellm_proxy": Prefix(variable="LITELLM_PROXY_API_KEY"),
    "openai_like": Prefix(),
    "xinference": Prefix(variable="XINFERENCE_API_KEY"),
}

_SIGNED: Final = Reason(
    "this provider wants signatures or tokens of a login that Gearshift does not make",
    "call the model by a provider that takes an API key, or put a gateway that signs before it",
)
_COMPLETIONS: Final = Reason(
    "it speaks /v1/completions, which Gearshift does not serve", "use the provider's chat endpoint"
)
REFUSED: Final[dict[str, Reason]] = {
    **dict.fromkeys(("sagemaker", "sagemaker_chat", "sagemaker_nova", "oci", "watsonx", "watsonx_text"), _SIGNED),
    **dict.fromkeys(("github_copilot", "chatgpt", "snowflake"), _SIGNED),
    **dict.fromkeys(
        ("text-completion-openai", "azure_text", "anthropic_text", "text-completion-codestral"), _COMPLETIONS
    ),
}

_INFERRED: Final = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "vertex_ai"),
    (re.compile(r"command-"), "cohere"),
    (re.compile(r"gpt-|chatgpt-|o\d|ft:|text-embedding-|dall-e|whisper|tts-"), "openai"),
)
"""What LiteLLM finds in its table of models; https://docs.litellm.ai/docs/providers says `provider/model` is surer."""


def split(model: str, stated: object) -> tuple[str | None, str]:
    """Part a model from its provider's prefix; `stated` is `custom_llm_provider`. None: nobody says whose it is."""
    head, slash, rest = model.partition("/")
    if isinstance(stated, str) and stated:
        return stated, rest if head == stated and slash else model
    if slash:
        return (head, rest) if head != "responses" else ("openai", model)
    return next((prefix for pattern, prefix in _INFERRED if pattern.match(model)), None), model
