from __future__ import annotations

from typing import Any

import pytest

from gearshift.protocols.bedrock_converse.families import is_claude, say
from gearshift.protocols.claude import suited
from gearshift.types.chat import Sampling
from gearshift.types.record import Loss
from tests.fakes.nouns import request

CLAUDE, NOVA, OSS = "eu.anthropic.claude-sonnet-5-v1:0", "us.amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0"
ARN = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"


@pytest.mark.parametrize(
    ("model", "knobs", "fields", "effort", "lost"),
    [
        (CLAUDE, {}, {}, None, set()),
        (CLAUDE, {"top_k": 4.0}, {"top_k": 4}, None, set()),
        (
            CLAUDE,
            {"reasoning_budget": 2048},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            None,
            set(),
        ),
        (CLAUDE, {"reasoning_budget": 0}, {"thinking": {"type": "disabled"}}, None, set()),
        (
            CLAUDE,
            {"reasoning_effort": "high", "reasoning_shown": "auto"},
            {"thinking": {"type": "adaptive", "display": "summarized"}},
            "high",
            {("reasoning_effort", "mapped")},
        ),
        (
            CLAUDE,
            {"reasoning_effort": "minimal"},
            {"thinking": {"type": "adaptive"}},
            "low",
            {("reasoning_effort", "mapped")},
        ),
        (
            CLAUDE,
            {"reasoning_effort": "none"},
            {"thinking": {"type": "disabled"}},
            None,
            {("reasoning_effort", "mapped")},
        ),
        (CLAUDE, {"reasoning_shown": "auto"}, {}, None, {("reasoning_shown", "dropped")}),
        (NOVA, {"top_k": 4.0}, {"inferenceConfig": {"topK": 4}}, None, set()),
        (
            NOVA,
            {"reasoning_effort": "max"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            None,
            {("reasoning_effort", "mapped")},
        ),
        (NOVA, {"reasoning_effort": "none"}, {"reasoningConfig": {"type": "disabled"}}, None, set()),
        (
            NOVA,
            {"reasoning_budget": 1024, "reasoning_shown": "auto"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            None,
            {("reasoning_budget", "mapped"), ("reasoning_effort", "mapped"), ("reasoning_shown", "dropped")},
        ),
        (NOVA, {"reasoning_budget": -1}, {}, None, {("reasoning_budget", "dropped")}),
        (OSS, {"reasoning_effort": "medium"}, {"reasoning_effort": "medium"}, None, {("reasoning_effort", "mapped")}),
        (
            OSS,
            {"reasoning_effort": "none", "top_k": 1.0},
            {"reasoning_effort": "low"},
            None,
            {("reasoning_effort", "mapped"), ("top_k", "dropped")},
        ),
        (
            ARN,
            {"top_k": 4.0, "reasoning_effort": "high"},
            {},
            None,
            {("top_k", "dropped"), ("reasoning_effort", "dropped")},
        ),
    ],
)
def test_each_family_is_told_in_its_words(
    model: str, knobs: dict[str, Any], fields: dict[str, Any], effort: str | None, lost: set[tuple[str, str]]
) -> None:
    losses: list[Loss] = []
    sampling = Sampling(**knobs)
    if is_claude(model):
        sampling = suited(request(sampling=sampling), 4096, "bedrock_converse", losses).sampling
    wish = say(model, sampling, losses)
    assert (wish.fields, wish.effort) == (fields, effort)
    assert {(loss.field, loss.kind) for loss in losses} == lost
