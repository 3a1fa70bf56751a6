"""What each codec makes of it is shown with that codec."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from gearshift.protocols.claude import suited
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.crossing import cross_request
from gearshift.protocols.registry import CODECS
from gearshift.types.chat import Message, Reasoning, Request, Sampling, Text, Tool, ToolCall, ToolChoice, ToolResult
from gearshift.types.record import Loss
from tests.fakes.nouns import request

CONVERSE = CODECS["bedrock_converse"]
CLAUDE = RequestEdits(model="us.anthropic.claude-sonnet-5-v1:0", max_output_tokens=4_096)
KNOBS = Sampling(reasoning_budget=200, temperature=0.2, top_p=0.3, top_k=4.0, max_output_tokens=2_000)


def ask(sampling: Sampling, **changes: object) -> Request:
    return replace(request(protocol="openai_chat"), sampling=sampling, **changes)


def test_a_request_that_asks_for_nothing_special_is_left_as_it_is() -> None:
    losses: list[Loss] = []
    asked = ask(Sampling(temperature=0.2, top_k=4.0))
    assert suited(asked, 4_096, "anthropic_messages", losses) is asked
    assert losses == []


def test_claude_at_bedrock_is_asked_as_at_anthropic() -> None:
    said = cross_request(ask(KNOBS), CONVERSE, CLAUDE)
    body = json.loads(said.body)
    assert body["additionalModelRequestFields"]["thinking"] == {"type": "enabled", "budget_tokens": 1_024}
    assert body["inferenceConfig"] == {"maxTokens": 2_000, "topP": 0.95}
    assert {(loss.field, loss.kind) for loss in said.losses} == {
        ("reasoning_budget", "mapped"),
        ("temperature", "dropped"),
        ("top_k", "dropped"),
        ("top_p", "mapped"),
    }


def test_other_families_at_bedrock_are_asked_as_ever() -> None:
    nova = RequestEdits(model="us.amazon.nova-pro-v1:0", max_output_tokens=4_096)
    body = json.loads(cross_request(ask(Sampling(temperature=0.2, top_p=0.3)), CONVERSE, nova).body)
    assert body["inferenceConfig"] == {"temperature": 0.2, "topP": 0.3}


@pytest.mark.parametrize("origin", ["anthropic_messages", "bedrock_converse"])
def test_only_thinking_that_the_provider_signed_lets_it_think_on(origin: str) -> None:
    thought = Reasoning(text="hm", signature="s", origin=origin)
    call = Message(role="assistant", parts=(thought, ToolCall(id="c", name="f", arguments="{}")))
    result = Message(role="tool", parts=(ToolResult(call_id="c", parts=(Text(text="42"),)),))
    turns = (*request().messages, call, result)
    losses: list[Loss] = []
    found = suited(ask(Sampling(reasoning_budget=2_000), messages=turns), 4_096, "bedrock_converse", losses)
    assert found.sampling.reasoning_budget == (2_000 if origin == "bedrock_converse" else None)
    assert [loss.field for loss in losses] == ([] if origin == "bedrock_converse" else ["reasoning_budget"])


def test_a_tool_that_must_be_called_leaves_no_thinking() -> None:
    losses: list[Loss] = []
    asked = ask(Sampling(reasoning_effort="high"), tools=(Tool(name="f"),), tool_choice=ToolChoice(mode="required"))
    found = suited(asked, 4_096, "bedrock_converse", losses)
    assert (found.sampling.reasoning_budget, found.sampling.reasoning_effort) == (None, "high")
    assert {loss.field for loss in losses} == {"reasoning_effort", "reasoning_budget"}
