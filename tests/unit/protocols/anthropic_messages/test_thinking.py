from __future__ import annotations

import msgspec
import pytest

from gearshift.protocols.anthropic_messages.thinking import say_sampling, say_thinking
from gearshift.protocols.claude import suited
from gearshift.protocols.fields import Misfit
from gearshift.types.chat import Message, Reasoning, Request, Sampling, Text, ToolCall, ToolChoice, ToolResult
from gearshift.types.record import Loss

HI = Message(role="user", parts=(Text(text="Hi"),))
CALL = ToolCall(id="c", name="f", arguments="{}")
RESULT = Message(role="tool", parts=(ToolResult(call_id="c", parts=()),))
OWN = Reasoning(text="Hm", signature="s", origin="anthropic_messages")
BY_BUDGET = Sampling(reasoning_budget=2048)
BEFORE = {("reasoning_effort", "mapped")}


def knobs(**values: object) -> Sampling:
    return msgspec.convert(values, Sampling)


def said(
    sampling: Sampling,
    *messages: Message,
    most: int = 4096,
    choice: ToolChoice | None = None,
    protocol: str = "openai_chat",
) -> tuple[dict[str, object], set[tuple[str, str]]]:
    losses: list[Loss] = []
    request = Request(protocol=protocol, model="m", messages=messages or (HI,), sampling=sampling, tool_choice=choice)
    if protocol != "anthropic_messages":
        request = suited(request, most, "anthropic_messages", losses)
    told = {**say_sampling(request.sampling, losses), **say_thinking(request.sampling, losses)}
    return told, {(loss.field, loss.kind) for loss in losses}


def enabled(budget: int) -> dict[str, object]:
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


@pytest.mark.parametrize(
    ("budget", "most", "told", "losses"),
    [
        (2048, 4096, enabled(2048), set()),
        (1024, 1025, enabled(1024), set()),
        (1, 4096, enabled(1024), {("reasoning_budget", "mapped")}),
        (4096, 4096, enabled(4095), {("reasoning_budget", "mapped")}),
        (9000, 2000, enabled(1999), {("reasoning_budget", "mapped")}),
        (1024, 1024, {}, {("reasoning_budget", "dropped")}),
        (9000, 9, {}, {("reasoning_budget", "dropped")}),
        (0, 9, {"thinking": {"type": "disabled"}}, set()),
        (-1, 9, {"thinking": {"type": "adaptive"}}, set()),
    ],
)
def test_a_budget_is_at_least_1024_and_less_than_the_limit(
    budget: int, most: int, told: dict[str, object], losses: set[tuple[str, str]]
) -> None:
    assert said(knobs(reasoning_budget=budget), most=most) == (told, losses)


def test_how_thinking_is_shown() -> None:
    shown, losses = said(knobs(reasoning_budget=2048, reasoning_shown="auto"))
    assert (shown["thinking"], losses) == (
        {"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
        set(),
    )
    assert said(knobs(reasoning_shown="auto")) == ({}, {("reasoning_shown", "dropped")})


@pytest.mark.parametrize("budget", [-1, 2048])
@pytest.mark.parametrize(
    ("others", "told", "losses"),
    [
        ({"temperature": 0.5}, {}, {("temperature", "dropped")}),
        ({"temperature": 1.0}, {"temperature": 1.0}, set()),
        ({"temperature": 1.5}, {"temperature": 1.0}, {("temperature", "mapped")}),
        ({"top_k": 4.0}, {}, {("top_k", "dropped")}),
        ({"top_p": 0.5}, {"top_p": 0.95}, {("top_p", "mapped")}),
        ({"top_p": 0.97}, {"top_p": 0.97}, set()),
    ],
)
def test_what_thinking_leaves_of_the_other_knobs(
    budget: int, others: dict[str, object], told: dict[str, object], losses: set[tuple[str, str]]
) -> None:
    spoken, lost = said(knobs(reasoning_budget=budget, **others))
    assert spoken.pop("thinking")
    assert (spoken, lost) == (told, losses)


@pytest.mark.parametrize("others", [{}, {"reasoning_budget": 0}])
def test_without_thinking_the_knobs_are_said_as_they_were(others: dict[str, object]) -> None:
    spoken, losses = said(knobs(temperature=0.5, top_k=4.0, **others))
    spoken.pop("thinking", None)
    assert (spoken, losses) == ({"temperature": 0.5, "top_k": 4}, set())


@pytest.mark.parametrize(
    ("temperature", "top_p", "told"),
    [
        (0.5, 1.0, {"temperature": 0.5}),
        (0.5, 0.9, {"temperature": 0.5}),
        (1.0, 0.9, {"top_p": 0.9}),
        (2.0, 0.9, {"top_p": 0.9}),
    ],
)
def test_temperature_and_top_p_are_not_said_together(temperature: float, top_p: float, told: object) -> None:
    spoken, losses = said(knobs(temperature=temperature, top_p=top_p))
    assert spoken == told
    assert {field for field, kind in losses if kind == "dropped"} == {"temperature", "top_p"} - {*spoken}


@pytest.mark.parametrize("choice", [ToolChoice(mode="required"), ToolChoice(mode="named", name="f")])
@pytest.mark.parametrize("asked", [{"reasoning_budget": 2048}, {"reasoning_budget": -1}, {"reasoning_effort": "high"}])
def test_where_a_tool_must_be_called_it_does_not_think(choice: ToolChoice, asked: dict[str, object]) -> None:
    spoken, losses = said(knobs(top_k=4.0, **asked), choice=choice)
    assert ("thinking" in spoken, spoken["top_k"]) == (False, 4)
    assert losses == {("reasoning_budget", "dropped"), *(BEFORE if "reasoning_effort" in asked else ())}
    assert "thinking" in said(knobs(**asked), choice=ToolChoice(mode="auto"))[0]


@pytest.mark.parametrize("rest", [(), (HI,)])
def test_it_does_not_think_by_budget_on_after_a_call_that_it_did_not_think_of(rest: tuple[Message, ...]) -> None:
    turn = Message(role="assistant", parts=(Reasoning(text="Hm", signature="s", origin="gemini"), CALL))
    assert said(BY_BUDGET, HI, turn, RESULT, *rest) == ({}, {("reasoning_budget", "dropped")})
    assert said(knobs(reasoning_budget=-1), HI, turn, RESULT, *rest)[1] == set()
    thought = Message(role="assistant", parts=(OWN, CALL))
    assert said(BY_BUDGET, HI, thought, RESULT, *rest) == (enabled(2048), set())
    said_only = Message(role="assistant", parts=(Text(text="Ho"),))
    assert said(BY_BUDGET, HI, turn, RESULT, said_only, HI) == (enabled(2048), set())


def test_anthropics_own_words_are_said_as_they_were() -> None:
    own = knobs(temperature=0.5, top_p=0.5, top_k=4.0, reasoning_budget=9)
    spoken, losses = said(own, protocol="anthropic_messages", most=9, choice=ToolChoice(mode="required"))
    assert spoken == {"temperature": 0.5, "top_p": 0.5, "top_k": 4} | enabled(9)
    assert losses == set()


def test_what_would_be_another_answer_is_refused() -> None:
    with pytest.raises(Misfit, match="found 2, Anthropic gives one answer"):
        said(knobs(n=2))
    with pytest.raises(Misfit, match="logprobs: "):
        said(knobs(logprobs=True))
    with pytest.raises(Misfit, match="logprobs: "):
        said(knobs(top_logprobs=1))
