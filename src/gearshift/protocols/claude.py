"""Own what Claude refuses of how it is asked, whoever serves it: requests of other protocols in the way that it takes.

Invariant: what would be refused is said in the nearest way that is taken, or not at all, and recorded; the words of a
protocol's own callers are left as they are. Which models take budgets, adaptive thinking or knobs at all is not known.
Sources (2026-11): "Extended thinking" and "Adaptive thinking", https://platform.claude.com/docs/en/build-with-claude:
a budget is at least 1,024 and less than `max_tokens`; with thinking, `temperature` is 1, `top_p` from 0.95 to 1, and
there is no `top_k` and no tool that must be called; with a budget, the answer that called a tool begins with thinking.
Models from Opus 4.1 on refuse `temperature` beside `top_p`: https://github.com/open-webui/functions/pull/9. AWS says
the same: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gearshift.protocols.losses import dropped, mapped
from gearshift.types.chat import Message, Reasoning, Request, Sampling, ToolCall
from gearshift.types.record import Loss

LEAST: Final = 1024
"""Tokens of thinking."""
_LEAST_TOP_P: Final = 0.95
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})


def suited(request: Request, most: int, protocol: str, losses: list[Loss]) -> Request:
    """Give a request as Claude takes it, for an answer of `most` tokens; `protocol` is where its thinking is signed."""
    budget, effort = _depth(request.sampling, losses)
    if budget:
        budget = _fit(budget, most, request, protocol, losses)
    sampling = replace(request.sampling, reasoning_budget=budget, reasoning_effort=effort)
    if budget:
        sampling = _quiet(sampling, losses)
    if sampling.temperature is not None and sampling.top_p is not None:
        other = "temperature" if sampling.temperature >= 1 else "top_p"
        sampling = replace(sampling, **{other: None})
        losses.append(dropped(other, "Claude takes temperature or top_p, not both"))
    return request if sampling == request.sampling else replace(request, sampling=sampling)


def _depth(sampling: Sampling, losses: list[Loss]) -> tuple[int | None, str | None]:
    """Give the budget of thinking and the effort, as Claude has them."""
    budget, effort = sampling.reasoning_budget, sampling.reasoning_effort
    if effort is None:
        return budget, effort
    if effort == "none":
        losses.append(mapped("reasoning_effort", "said as thinking of type disabled"))
        return 0 if budget is None else budget, None
    told = effort if effort in _EFFORTS else "low"
    losses.append(mapped("reasoning_effort", f"said as adaptive thinking of effort {told}"))
    return -1 if budget is None else budget, told


def _fit(budget: int, most: int, request: Request, protocol: str, losses: list[Loss]) -> int | None:
    """Give a budget that Claude takes, None where it takes none."""
    why = _unthinking(budget, most, request, protocol)
    if why is not None:
        losses.append(dropped("reasoning_budget", why))
        return None
    fit = budget if budget < 0 else min(max(budget, LEAST), most - 1)
    if fit != budget:
        losses.append(mapped("reasoning_budget", f"said as {fit}: at least {LEAST} and less than max_tokens ({most})"))
    return fit


def _unthinking(budget: int, most: int, request: Request, protocol: str) -> str | None:
    """Say why Claude would not think."""
    choice = request.tool_choice
    if choice is not None and choice.mode in {"required", "named"}:
        return "Claude does not think where a tool must be called"
    if budget < 0:
        return None
    if most <= LEAST:
        return f"Claude thinks for {LEAST} tokens or more, which must be less than max_tokens ({most})"
    if _is_thoughtless(request.messages, protocol):
        return "Claude does not go on to think after a call of which its own thinking is missing"
    return None


def _is_thoughtless(messages: tuple[Message, ...], protocol: str) -> bool:
    """Say whether the last answer of a conversation calls a tool and does not begin with Claude's own thinking."""
    last = next((message for message in reversed(messages) if message.role == "assistant"), None)
    if last is None or not any(isinstance(part, ToolCall) for part in last.parts):
        return False
    first = last.parts[0]
    return not (isinstance(first, Reasoning) and first.origin == protocol and first.signature)


def _quiet(sampling: Sampling, losses: list[Loss]) -> Sampling:
    """Take from the knobs what Claude refuses beside thinking."""
    changes: dict[str, float | None] = {}
    if sampling.temperature is not None and min(1.0, sampling.temperature) != 1:
        changes["temperature"] = None
        losses.append(dropped("temperature", "Claude takes none but 1 with thinking"))
    if sampling.top_k is not None:
        changes["top_k"] = None
        losses.append(dropped("top_k", "Claude takes none with thinking"))
    if sampling.top_p is not None and sampling.top_p < _LEAST_TOP_P:
        changes["top_p"] = _LEAST_TOP_P
        losses.append(mapped("top_p", f"Claude takes {_LEAST_TOP_P} to 1 with thinking, the nearer end was said"))
    return replace(sampling, **changes) if changes else sampling
