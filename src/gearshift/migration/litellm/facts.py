"""Own what an entry says about its model: its windows and capabilities.

Source: https://docs.litellm.ai/docs/proxy/configs and LiteLLM's `model_prices_and_context_window.json` ("sample_spec"),
read 2026-11-27.
"""

from __future__ import annotations

from typing import Final

from gearshift.migration.findings import Findings, Reason, place, shown
from gearshift.migration.litellm.entries import Entry, unset
from gearshift.migration.litellm.numbers import whole
from gearshift.migration.litellm.prices import is_cost
from gearshift.migration.litellm.purpose import embeds

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
_OF_CHAT: Final = frozenset({"max_tokens", "max_output_tokens", *_CAPABILITIES})
"""What says nothing about a model of embeddings."""

_CATALOGUE: Final = Reason(
    "what this provider's models can do is in Gearshift's catalogue",
    "state `capabilities` of the model to say otherwise",
)
_NO_TOKENS: Final = Reason("expected a whole number of tokens above 0", "state it in the config")
_BASE: Final = Reason(
    "prices are looked up by the provider's own name of the model", "state `price`, unless `gearshift check` finds one"
)
_NO_OUTPUT: Final = Reason("a model of embeddings has a window of input, and no output", "nothing is needed")
_NO_FACT: Final = Reason("Gearshift's config has no such fact about a model", "see whether it is needed")


def facts_of(entry: Entry, *, is_known: bool, findings: Findings) -> dict[str, object]:
    """Give what a config states about the model; `is_known`: the provider's models are in the catalogue."""
    facts = _windows(entry, findings)
    if embeds(entry):
        facts["capabilities"] = ["embeddings"]
    elif capabilities := _capabilities(entry, is_known=is_known, findings=findings):
        facts["capabilities"] = capabilities
    for key, value in entry.info.items():
        if unset(value) or is_cost(key):
            continue
        if embeds(entry) and key in _OF_CHAT:
            findings.leave((*entry.path, "model_info", key), shown(key, value), _NO_OUTPUT)
        elif key not in _READ:
            findings.leave(
                (*entry.path, "model_info", key), shown(key, value), _BASE if key == "base_model" else _NO_FACT
            )
    return facts


def _windows(entry: Entry, findings: Findings) -> dict[str, object]:
    facts: dict[str, object] = {}
    longest = "max_output_tokens" if unset(entry.info.get("max_output_tokens")) else ""
    for key, word in (*_WINDOWS.items(), ("max_tokens", longest)):
        stated = entry.info.get(key)
        if unset(stated) or not word or (embeds(entry) and key in _OF_CHAT):
            continue
        if (tokens := whole(stated)) is None:
            findings.leave((*entry.path, "model_info", key), shown(key, stated), _NO_TOKENS)
            continue
        facts[word] = tokens
        if key == "max_input_tokens" and not embeds(entry):
            findings.assume(
                f"{place((*entry.path, 'model_info', key))}: taken as the whole window, input and output together"
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
