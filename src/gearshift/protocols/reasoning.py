"""Own how much a model is asked to think: words (effort) and tokens (budget), each said by the other.

Source: "OpenAI compatibility" of the Gemini API, https://ai.google.dev/gemini-api/docs/openai (2026-11): `low` is 1,024
tokens, `medium` 8,192, `high` 24,576.
"""

from __future__ import annotations

from typing import Final

BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 65_536}
"""Tokens of thinking that a word stands for."""
_STEPS: Final = (("low", 1024), ("medium", 8192))


def effort_of(budget: int) -> str | None:
    """Give the word for a budget; None for -1: as much as the model sees fit."""
    if budget < 0:
        return None
    if budget == 0:
        return "none"
    return next((word for word, most in _STEPS if budget <= most), "high")


def budget_of(effort: str) -> int | None:
    """Give the tokens that a word stands for, None for a word that is not known."""
    return 0 if effort == "none" else BUDGETS.get(effort)
