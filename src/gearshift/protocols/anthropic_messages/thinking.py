"""Own how much the model is asked to think, and the knobs that thinking leaves: the nouns to a body.

Invariants: what Anthropic would refuse is said in the nearest way that it takes, or not at all, and recorded; the words
of its own callers are left as they are. Which models take budgets, adaptive thinking or knobs at all is not known here.
Sources (2026-11): "Extended thinking" and "Adaptive thinking", https://platform.claude.com/docs/en/build-with-claude:
a budget is at least 1,024 and less than `max_tokens`; with thinking, `temperature` is 1, `top_p` from 0.95 to 1, and
there is no `top_k` and no tool that must be called; with a budget, the answer that called a tool begins with thinking.
Models from Opus 4.1 on refuse `temperature` beside `top_p`: https://github.com/open-webui/functions/pull/9.
"""

from __future__ import annotations

from typing import Final

from gearshift.protocols.anthropic_messages.blocks import NAME
from gearshift.protocols.fields import Misfit, Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.types.chat import Message, Reasoning, Request, Sampling, ToolCall
from gearshift.types.record import Loss

LEAST: Final = 1024
_LEAST_TOP_P: Final = 0.95
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_UNKNOWN: Final = "Anthropic has no such field"


def say_thinking(request: Request, most: int, losses: list[Loss]) -> Spoken:
    """Say how much to think in an answer of `most` tokens: `thinking`, and the effort in `output_config`."""
    budget, effort = _depth(request, losses)
    if budget and request.protocol != NAME:
        budget = _fit(budget, most, request, losses)
    said: Spoken = {} if effort is None else {"output_config": {"effort": effort}}
    shown = request.sampling.reasoning_shown
    if budget is None:
        if shown is not None:
            losses.append(dropped("reasoning_shown", "no thinking was asked for"))
        return said
    thinking: Spoken = {"type": "disabled" if budget == 0 else "adaptive" if budget < 0 else "enabled"}
    if budget > 0:
        thinking["budget_tokens"] = budget
    if shown is not None and budget:
        thinking["display"] = "omitted" if shown == "omitted" else "summarized"
    return {"thinking": thinking, **said}


def say_sampling(request: Request, losses: list[Loss], *, thinks: bool) -> Spoken:
    """Say the knobs of generation; raise Misfit where the answer would be another one."""
    sampling = request.sampling
    if sampling.n is not None and sampling.n > 1:
        raise Misfit("n", f"found {sampling.n}, Anthropic gives one answer; ask as often as you want answers")
    if sampling.logprobs or sampling.top_logprobs:
        raise Misfit("logprobs", "Anthropic tells no probabilities; leave it out or name another model")
    unknown = ("seed", "presence_penalty", "frequency_penalty", "verbosity")
    losses.extend(dropped(name, _UNKNOWN) for name in unknown if getattr(sampling, name) is not None)
    said: Spoken = {"stop_sequences": sampling.stop} if sampling.stop else {}
    said |= _knobs(sampling, losses)
    if request.protocol == NAME:
        return said
    if thinks:
        _quieten(said, losses)
    if "temperature" in said and "top_p" in said:
        other = "temperature" if said["temperature"] == 1 else "top_p"
        del said[other]
        losses.append(dropped(other, "Anthropic's models take temperature or top_p, not both"))
    return said


def _knobs(sampling: Sampling, losses: list[Loss]) -> Spoken:
    said: Spoken = {}
    warmth = sampling.temperature
    if warmth is not None:
        if not 0 <= warmth <= 1:
            losses.append(mapped("temperature", "Anthropic's goes from 0 to 1, the nearer end was said"))
        said["temperature"] = min(1.0, max(0.0, warmth))
    if sampling.top_p is not None:
        said["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        said["top_k"] = int(sampling.top_k) if sampling.top_k.is_integer() else sampling.top_k
    return said


def _quieten(said: Spoken, losses: list[Loss]) -> None:
    """Take from the knobs what Anthropic refuses beside thinking."""
    if said.get("temperature", 1) != 1:
        del said["temperature"]
        losses.append(dropped("temperature", "Anthropic takes none but 1 with thinking"))
    if said.pop("top_k", None) is not None:
        losses.append(dropped("top_k", "Anthropic takes none with thinking"))
    top_p = said.get("top_p")
    if isinstance(top_p, float) and top_p < _LEAST_TOP_P:
        said["top_p"] = _LEAST_TOP_P
        losses.append(mapped("top_p", f"Anthropic takes {_LEAST_TOP_P} to 1 with thinking, the nearer end was said"))


def _depth(request: Request, losses: list[Loss]) -> tuple[int | None, str | None]:
    """Give the budget of thinking and the effort, as Anthropic has them."""
    budget, effort = request.sampling.reasoning_budget, request.sampling.reasoning_effort
    if request.protocol == NAME or effort is None:
        return budget, effort
    if effort == "none":
        losses.append(mapped("reasoning_effort", "said as thinking of type disabled"))
        return 0 if budget is None else budget, None
    told = effort if effort in _EFFORTS else "low"
    losses.append(mapped("reasoning_effort", f"said as adaptive thinking of effort {told}"))
    return -1 if budget is None else budget, told


def _fit(budget: int, most: int, request: Request, losses: list[Loss]) -> int | None:
    """Give a budget that Anthropic takes, None where it takes none."""
    why = _unthinking(budget, most, request)
    if why is not None:
        losses.append(dropped("reasoning_budget", why))
        return None
    fit = budget if budget < 0 else min(max(budget, LEAST), most - 1)
    if fit != budget:
        losses.append(mapped("reasoning_budget", f"said as {fit}: at least {LEAST} and less than max_tokens ({most})"))
    return fit


def _unthinking(budget: int, most: int, request: Request) -> str | None:
    """Say why Anthropic would not think."""
    choice = request.tool_choice
    if choice is not None and choice.mode in {"required", "named"}:
        return "Anthropic does not think where a tool must be called"
    if budget < 0:
        return None
    if most <= LEAST:
        return f"Anthropic thinks for {LEAST} tokens or more, which must be less than max_tokens ({most})"
    if _is_thoughtless(request.messages):
        return "Anthropic does not go on to think after a call of which its own thinking is missing"
    return None


def _is_thoughtless(messages: tuple[Message, ...]) -> bool:
    """Say whether the last answer of a conversation calls a tool and does not begin with Anthropic's own thinking."""
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    if last is None or not any(isinstance(part, ToolCall) for part in last.parts):
        return False
    first = last.parts[0]
    return not (isinstance(first, Reasoning) and first.origin == NAME and first.signature)
