"""Own what an entry is for: to chat, to make embeddings, or what Gearshift does not serve.

Source: https://docs.litellm.ai/docs/proxy/health (`mode`) and LiteLLM's `model_prices_and_context_window.json`
("sample_spec"), read 2026-11-27.
"""

from __future__ import annotations

import re
from typing import Final

from gearshift.migration.findings import Findings, Reason, place, shown, spelled
from gearshift.migration.litellm.entries import Entry, unset

_SERVED: Final = frozenset({"chat", "responses", "embedding"})
_EMBEDDING: Final = "embedding"
_EMBEDS: Final = re.compile(r"embed|(^|/)(bge|gte|e5)-")
"""Names of models that make embeddings, where no mode says so."""
_OTHERS: Final = re.compile(
    r"dall-e|gpt-image|imagen|stable-diffusion|flux|whisper|transcribe|(^|[-_/])tts|rerank|moderation|sora|veo-"
)
"""Names of models that do neither, where no mode says so."""

_MODE: Final = Reason(
    "Gearshift serves models that chat and models of embeddings", "keep it at LiteLLM, or call its provider directly"
)
_BY_NAME: Final = Reason(
    "its name says that it neither chats nor makes embeddings",
    "state model_info.mode: chat or embedding if it does, and import again",
)


def embeds(entry: Entry) -> bool:
    """Say whether an entry is for embeddings: its mode says so, or its name where no mode is stated."""
    mode = entry.info.get("mode")
    return _EMBEDS.search(entry.model.lower()) is not None if unset(mode) else mode == _EMBEDDING


def is_served(entry: Entry, findings: Findings) -> bool:
    """Say whether Gearshift serves what an entry is for; what it does not serve is noted."""
    mode = entry.info.get("mode")
    if unset(mode):
        if _OTHERS.search(entry.model.lower()):
            findings.leave(entry.where("model"), spelled(entry.model), _BY_NAME)
            return False
        if embeds(entry):
            findings.assume(f"{place(entry.where('model'))}: its name says that it makes embeddings")
        return True
    if isinstance(mode, str) and mode in _SERVED:
        return True
    findings.leave((*entry.path, "model_info", "mode"), shown("mode", mode, plain=True), _MODE)
    return False
