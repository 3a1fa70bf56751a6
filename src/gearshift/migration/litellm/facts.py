"""Own what an entry says about its model: what it serves, its windows and capabilities.

Source: https://docs.litellm.ai/docs/proxy/configs and LiteLLM's `model_prices_and_context_window.json` ("sample_spec"),
read 2026-11-27.
"""

from __future__ import annotations

import re
from typing import Final

from gearshift.migration.findings import Findings, Reason, place, shown, spelled
from gearshift.migration.litellm.entries import Entry, unset
from gearshift.migration.litellm.numbers import whole
from gearshift.migration.litellm.prices import is_cost

_SERVED: Final = frozenset({"chat", "responses"})
_OTHERS: Final = re.compile(
    r"embed|dall-e|gpt-image|imagen|stable-diffusion|flux|whisper|transcribe|(^|[-_/])tts|rerank|moderation|sora|veo-"
)
"""Names of models that do not chat, where no mode says so."""
_CAPABILITIES: Final = {
    "supports_function_calling": ("tools",),
    "supports_tool_choice": ("tools",),
    "supports_vision": ("vision",),
    "supports_audio_input": ("audio",),
    "supports_pdf_input": ("files",),
    "supports_response_schema": ("json_object", "json_schema"),
    "supports_reasoning": ("reasoning",),
}
_WINDOWS: Final = {"max_input_tokens": "context_window", "max_output_tokens": "max_output_tokens"}
_READ: Final = frozenset({"mode", "max_tokens", *_WINDOWS, *_CAPABILITIES})

_MODE: Final = Reason(
    "only models that chat are carried",
    "declare one that makes embeddings with that capability; keep any other at LiteLLM, or call its provider directly",
)
_BY_NAME: Final = Reason(
    "its name says that it is no chat model, and only such are carried",
    "state model_info.mode: chat if it is one, and import again; declare one of embeddings with that capability",
)
_CATALOGUE: Final = Reason(
    "what this provider's models can do is in Gearshift's catalogue",
    "state `capabilities` of the model to say otherwise",
)
_NO_TOKENS: Final = Reason("expected a whole number of tokens above 0", "state it in the config")
_BASE: Final = Reason(
    "prices are looked up by the provider's own name of the model", "state `price`, unless `gearshift check` finds one"
)
_NO_FACT: Final = Reason("Gearshift's config has no such fact about a model", "see whether it is needed")


def serves_chat(entry: Entry, findings: Findings) -> bool:
    """Say whether an entry is for conversations; what is for something else is noted."""
    mode = entry.info.get("mode")
    if unset(mode):
        if _OTHERS.search(entry.model.lower()):
            findings.leave(entry.where("model"), spelled(entry.model), _BY_NAME)
            return False
        return True
    if isinstance(mode, str) and mode in _SERVED:
        return True
    findings.leave((*entry.path, "model_info", "mode"), shown("mode", mode, plain=True), _MODE)
    return False


def facts_of(entry: Entry, *, is_known: bool, findings: Findings) -> dict[str, object]:
    """Give what a config states about the model; `is_known`: the provider's models are in the catalogue."""
    facts: dict[str, object] = {}
    longest = "max_output_tokens" if unset(entry.info.get("max_output_tokens")) else ""
    for key, word in (*_WINDOWS.items(), ("max_tokens", longest)):
        stated = entry.info.get(key)
        if unset(stated) or not word:
            continue
        if (tokens := whole(stated)) is None:
            findings.leave((*entry.path, "model_info", key), shown(key, stated), _NO_TOKENS)
        else:
            facts[word] = tokens
            if key == "max_input_tokens":
                findings.assume(
                    f"{place((*entry.path, 'model_info', key))}: taken as the whole window, input and output together"
                )
    if capabilities := _capabilities(entry, is_known=is_known, findings=findings):
        facts["capabilities"] = capabilities
    for key, value in entry.info.items():
        if key not in _READ and not is_cost(key) and not unset(value):
            findings.leave(
                (*entry.path, "model_info", key), shown(key, value), _BASE if key == "base_model" else _NO_FACT
            )
    return facts


def _capabilities(entry: Entry, *, is_known: bool, findings: Findings) -> list[str]:
    stated = {key: entry.info[key] for key in _CAPABILITIES if not unset(entry.info.get(key))}
    if is_known:
        for key, value in stated.items():
            findings.leave((*entry.path, "model_info", key), shown(key, value), _CATALOGUE)
        return []
    words = sorted({word for key, value in stated.items() if value is True for word in _CAPABILITIES[key]})
    if words:
        findings.assume(f"{place((*entry.path, 'model_info'))}: what it supports is taken as all that the model can do")
    return words
