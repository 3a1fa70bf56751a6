from __future__ import annotations

import pytest

from gearshift.config.rows import builtin
from gearshift.migration.findings import Reason
from gearshift.migration.litellm.families import BEDROCK, VERTEX, family
from gearshift.migration.litellm.prefixes import PREFIXES


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("vertex_ai/gemini-3.8-flash", "vertex"),
        ("vertex_ai_beta/gemini-3.8-flash", "vertex"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "vertex_anthropic"),
        ("bedrock/converse/m", None),
        ("bedrock_converse/m", None),
        ("perplexity/openai/gpt-5.5", None),
        ("perplexity/perplexity/sonar", None),
        ("openai/x", None),
    ],
)
def test_a_model_has_its_row(model: str, row: str | None) -> None:
    prefix, _, name = model.partition("/")

    assert family(prefix, name, embeds=False) == row
    assert row is None or row in builtin()


@pytest.mark.parametrize(
    ("model", "embeds", "why"),
    [
        ("vertex_ai/text-embedding-005", True, ":predict"),
        ("vertex_ai/4965075652664360960", False, "endpoint of your own"),
        ("vertex_ai/gemini/4965075652664360960", False, "endpoint of your own"),
        ("vertex_ai/meta/llama-4", False, "Gemini and Claude only"),
        ("bedrock/amazon.titan-embed-text-v2:0", True, "InvokeModel"),
        ("bedrock/agent/A/B", False, "Converse"),
        ("bedrock/agentcore/arn:aws:x", False, "Converse"),
        ("perplexity/sonar-pro", False, "2026-09-27"),
        ("perplexity/preset/pro-search", False, "preset"),
        ("anthropic/x", True, "makes no embeddings"),
    ],
)
def test_a_model_that_cannot_be_called_says_why(model: str, embeds: bool, why: str) -> None:
    prefix, _, name = model.partition("/")
    found = family(prefix, name, embeds=embeds)

    assert isinstance(found, Reason)
    assert why in found.why


def test_the_families_are_prefixes() -> None:
    assert PREFIXES.keys() >= VERTEX | BEDROCK | {"perplexity", "anthropic"}
