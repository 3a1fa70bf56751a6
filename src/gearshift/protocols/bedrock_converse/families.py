"""Own what Converse leaves to each family of models: how much to think, and `top_k`.

Sources (2026-11): Claude, https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
and botocore's model, `OutputConfig`; Nova, https://docs.aws.amazon.com/nova/latest/nova2-userguide/using-converse-api.html
and LiteLLM `_handle_top_k_value`; gpt-oss, `reasoning_effort` of the model's own API.
Invariant: a model of another family, or of a name that does not tell it (the ARN of a profile), is not told what it may
not know: that is a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from gearshift.protocols.fields import Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.reasoning import budget_of, effort_of
from gearshift.types.chat import Sampling
from gearshift.types.record import Loss

CLAUDE: Final = ("anthropic.", "claude")
"""Marks in the names of Anthropic's models."""
_NOVA_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium"}
_OSS_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium"}
_MODELS: Final = 1_000
"""Names whose family is kept in mind."""
_ASKED: Final = ("top_k", "reasoning_effort", "reasoning_budget", "reasoning_shown")


class Wish(Struct):
    """Hold what is said of a wish: `fields` for the model itself, `effort` for Converse."""

    fields: Spoken
    effort: str | None = None


def is_claude(model: str) -> bool:
    """Say whether the name of a model tells that it is one of Anthropic's."""
    return _family(model) is _claude


def say(model: str, sampling: Sampling, losses: list[Loss]) -> Wish:
    """Say in the words of the model's family what Converse has none for."""
    known = _family(model)
    if known is not None:
        return known(sampling, losses)
    why = "Converse leaves it to the model, and the model's name does not tell its family"
    losses.extend(dropped(knob, why) for knob in _ASKED if getattr(sampling, knob) is not None)
    return Wish(fields={})


@lru_cache(_MODELS)
def _family(model: str) -> Callable[[Sampling, list[Loss]], Wish] | None:
    """Give who speaks to the family that a model's name tells, None where it tells none."""
    name = model.lower()
    return next((speak for marks, speak in _FAMILIES if any(mark in name for mark in marks)), None)


def _claude(sampling: Sampling, losses: list[Loss]) -> Wish:
    wish = Wish(fields={})
    if sampling.top_k is not None:
        wish.fields["top_k"] = int(sampling.top_k)
    budget, wish.effort = sampling.reasoning_budget, sampling.reasoning_effort
    if budget is not None:
        thinking: Spoken = {"type": "disabled" if budget == 0 else "adaptive" if budget < 0 else "enabled"}
        if budget > 0:
            thinking["budget_tokens"] = budget
        if sampling.reasoning_shown is not None and budget:
            thinking["display"] = "omitted" if sampling.reasoning_shown == "omitted" else "summarized"
        wish.fields["thinking"] = thinking
    elif sampling.reasoning_shown is not None:
        losses.append(dropped("reasoning_shown", "no thinking was asked for"))
    return wish


def _nova(sampling: Sampling, losses: list[Loss]) -> Wish:
    wish = Wish(fields={})
    if sampling.top_k is not None:
        wish.fields["inferenceConfig"] = {"topK": int(sampling.top_k)}
    effort = _effort(sampling, losses)
    if effort == "none":
        wish.fields["reasoningConfig"] = {"type": "disabled"}
    elif effort is not None:
        told = _NOVA_EFFORTS.get(effort, "high")
        losses.append(mapped("reasoning_effort", f"said as maxReasoningEffort {told}"))
        wish.fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": told}
    return wish


def _gpt_oss(sampling: Sampling, losses: list[Loss]) -> Wish:
    if sampling.top_k is not None:
        losses.append(dropped("top_k", "gpt-oss on Bedrock does not know it"))
    effort = _effort(sampling, losses)
    if effort is None:
        return Wish(fields={})
    told = "low" if effort == "none" else _OSS_EFFORTS.get(effort, "high")
    losses.append(mapped("reasoning_effort", f"said as reasoning_effort {told}"))
    return Wish(fields={"reasoning_effort": told})


def _effort(sampling: Sampling, losses: list[Loss]) -> str | None:
    """Give a word for how much to think, where the family knows words only."""
    if sampling.reasoning_shown is not None:
        losses.append(dropped("reasoning_shown", "this family of models has no word for it"))
    effort, budget = sampling.reasoning_effort, sampling.reasoning_budget
    if budget is None:
        return effort
    word = effort or effort_of(budget)
    losses.append(
        dropped("reasoning_budget", "this family of models takes no number")
        if word is None or budget_of(word) != budget
        else mapped("reasoning_budget", f"said as {word}")
    )
    return word


_FAMILIES: Final[tuple[tuple[tuple[str, ...], Callable[[Sampling, list[Loss]], Wish]], ...]] = (
    (CLAUDE, _claude),
    (("amazon.nova", "nova-"), _nova),
    (("gpt-oss",), _gpt_oss),
)
