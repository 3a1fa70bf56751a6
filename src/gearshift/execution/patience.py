"""Own how long an upstream may be silent: longer before a long prompt is read, and while a model thinks unseen.

Invariant: pure; whatever the caller allows at most is never exceeded.
"""

from __future__ import annotations

from typing import Final

from gearshift import tokens
from gearshift.execution.bounds import Limits
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.chat import Request
from gearshift.types.embedding import Asked, EmbeddingRequest

LONG: Final = 50_000
PER_LONG: Final[Seconds] = 5.0
"""What every `LONG` tokens of the prompt add: a model reads at least 10,000 a second."""
_THINKS_UNASKED: Final = "reasoning"
_ASKED: Final = "anthropic_messages"
"""The protocol whose models think only where they are asked to (Anthropic, "Extended thinking", 2026-11)."""


def first_content(limits: Limits, deployment: Deployment, request: Asked) -> Seconds:
    """Give how long `deployment` may take to begin to answer, or, where the answer comes at once, to answer."""
    if isinstance(request, EmbeddingRequest) or not request.stream:
        patience = limits.answer_timeout
    else:
        patience = limits.first_token_timeout
        if thinks(deployment, request):
            patience = max(patience, limits.reasoning_timeout)
        patience += PER_LONG * (tokens.estimate(request) // LONG)
    return patience if limits.first_content is None else min(patience, limits.first_content)


def between_content(limits: Limits, deployment: Deployment, request: Asked) -> Seconds:
    """Give how long a stream may say nothing but that it lives, once it has begun."""
    if isinstance(request, Request) and thinks(deployment, request):
        return max(limits.content_timeout, limits.reasoning_timeout)
    return limits.content_timeout


def thinks(deployment: Deployment, request: Request) -> bool:
    """Say whether the model may think for a while before it says anything."""
    sampling = request.sampling
    if sampling.reasoning_effort == "none" or sampling.reasoning_budget == 0:
        return False
    if sampling.reasoning_effort is not None or sampling.reasoning_budget is not None:
        return True
    able = deployment.capabilities is not None and _THINKS_UNASKED in deployment.capabilities
    return able and deployment.provider.protocol != _ASKED
