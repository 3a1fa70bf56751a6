from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gearshift.execution.handover import UNANSWERED, Heir, hand_over, paired, unsigned
from gearshift.types.chat import Message, Part, Reasoning, Request, Routing, Sampling, Text, ToolCall, ToolResult
from gearshift.types.decision import Standing
from tests.fakes.nouns import request

HERE = Heir(protocol="openai_chat", provider="here")
MINE = Standing(deployment="here/m", provider="here")
THEIRS = Standing(deployment="there/m", provider="there")
SIGNED = Reasoning(text="hm", signature="s", origin="openai_chat")


def says(*parts: Part) -> Message:
    return Message(role="user", parts=parts or (Text(text="Hi"),))


def answers(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts or (Text(text="Ho"),))


def call(name: str) -> ToolCall:
    return ToolCall(id=name, name=f"f{name}", arguments="{}")


def result(name: str, text: str = "42") -> ToolResult:
    return ToolResult(call_id=name, parts=(Text(text=text),))


def tool(name: str, text: str = "42") -> Message:
    return Message(role="tool", parts=(result(name, text),))


def talk(*messages: Message, **changes: object) -> Request:
    return replace(request(protocol="openai_chat"), messages=messages, **changes)


def told(messages: Sequence[Message]) -> list[tuple[str, list[str]]]:
    """Show messages as their roles and what their parts are about."""
    return [(each.role, [_about(part) for part in each.parts]) for each in messages]


def _about(part: Part) -> str:
    match part:
        case ToolCall():
            return f"call {part.id}"
        case ToolResult():
            return f"result {part.call_id}"
        case Reasoning() | Text():
            return part.text
        case _:
            raise AssertionError(part)


def test_a_conversation_that_stays_where_it_was_is_left_alone() -> None:
    asked = talk(says(), answers(SIGNED, Text(text="Ho")), says())
    assert hand_over(asked, MINE, HERE).request is asked
    assert hand_over(asked, None, HERE).request is asked


def test_another_provider_is_not_told_what_the_last_one_signed() -> None:
    asked = talk(says(), answers(SIGNED, Text(text="Ho")), says(), answers(SIGNED, call("a")), tool("a"))
    handed = hand_over(asked, THEIRS, HERE)
    assert told(handed.request.messages) == [
        ("user", ["Hi"]),
        ("assistant", ["Ho"]),
        ("user", ["Hi"]),
        ("assistant", ["call a"]),
        ("tool", ["result a"]),
    ]
    assert [(loss.field, loss.kind) for loss in handed.losses] == [
        ("messages[1].reasoning", "dropped"),
        ("messages[3].reasoning", "dropped"),
    ]


def test_once_moved_only_the_current_turn_is_known_to_be_the_providers_own() -> None:
    asked = talk(says(), answers(SIGNED, Text(text="Ho")), says(), answers(SIGNED, call("a")), tool("a"))
    handed = hand_over(asked, replace(MINE, moved=True), HERE)
    assert told(handed.request.messages)[1] == ("assistant", ["Ho"])
    assert told(handed.request.messages)[3] == ("assistant", ["hm", "call a"])
    assert len(handed.losses) == 1


def test_a_turn_of_nothing_but_signed_thinking_is_left_out_and_unsigned_thinking_stays() -> None:
    open_thought = Reasoning(text="aloud")
    handed = unsigned(talk(says(), answers(SIGNED), answers(open_thought), says()), whole=True)
    assert told(handed.request.messages) == [("user", ["Hi"]), ("assistant", ["aloud"]), ("user", ["Hi"])]


def test_pairs_are_left_as_they_are() -> None:
    asked = talk(says(), answers(call("a"), call("b")), tool("a"), tool("b"), answers(), says())
    assert paired(asked).request is asked
    asked = talk(says())
    assert paired(asked).request is asked


def test_a_call_without_a_result_is_told_that_there_is_none() -> None:
    handed = paired(talk(says(), answers(call("a"), call("b")), tool("b"), says()))
    assert told(handed.request.messages) == [
        ("user", ["Hi"]),
        ("assistant", ["call a", "call b"]),
        ("tool", ["result b"]),
        ("tool", ["result a"]),
        ("user", ["Hi"]),
    ]
    made = handed.request.messages[3].parts[0]
    assert isinstance(made, ToolResult)
    assert (made.parts, made.is_error, made.name) == ((Text(text=UNANSWERED),), True, "fa")
    assert [(loss.field, loss.kind) for loss in handed.losses] == [("messages[1].fa", "mapped")]


def test_calls_at_the_very_end_are_answered_too() -> None:
    handed = paired(talk(says(), answers(call("a"))))
    assert told(handed.request.messages)[-1] == ("tool", ["result a"])


def test_a_result_without_a_call_is_told_as_text_behind_the_results_that_have_one() -> None:
    handed = paired(talk(says(), answers(call("a")), tool("x", "lost"), tool("a"), answers()))
    assert told(handed.request.messages) == [
        ("user", ["Hi"]),
        ("assistant", ["call a"]),
        ("tool", ["result a"]),
        ("user", ["Result of the tool x:", "lost"]),
        ("assistant", ["Ho"]),
    ]
    assert [(loss.field, loss.kind) for loss in handed.losses] == [("messages[2].x", "mapped")]


def test_a_second_result_of_one_call_is_told_as_text() -> None:
    handed = paired(talk(says(), answers(call("a")), tool("a"), tool("a", "again"), says()))
    assert told(handed.request.messages)[3] == ("user", ["Result of the tool a:", "again"])


def test_a_result_beside_the_users_words_keeps_its_place() -> None:
    mixed = says(Text(text="so"), result("x", "lost"))
    handed = paired(talk(says(), answers(call("a")), mixed))
    assert told(handed.request.messages)[2:] == [
        ("tool", ["result a"]),
        ("user", ["so", "Result of the tool x:", "lost"]),
    ]


CALLS = st.sampled_from(["a", "b", "c"])
TURN = st.one_of(
    st.just(says()),
    st.just(answers()),
    st.lists(CALLS, min_size=1, max_size=3, unique=True).map(lambda names: answers(*map(call, names))),
    CALLS.map(tool),
    CALLS.map(lambda name: says(Text(text="so"), result(name))),
    CALLS.map(lambda name: says(result(name), Text(text="so"))),
)


@given(st.lists(TURN, max_size=12))
def test_whatever_comes_in_every_call_has_its_result_at_once_and_no_word_is_lost(messages: list[Message]) -> None:
    handed = paired(talk(*messages))
    waiting: set[str] = set()
    for message in handed.request.messages:
        results = {part.call_id for part in message.parts if isinstance(part, ToolResult)}
        assert results <= waiting
        if not results:
            assert not waiting
        waiting -= results
        waiting |= {part.id for part in message.parts if isinstance(part, ToolCall)}
    assert not waiting
    assert _words(messages) <= _words(handed.request.messages)
    assert paired(handed.request).request is handed.request


def _words(messages: Sequence[Message]) -> int:
    parts = [part for message in messages for part in message.parts]
    inner = [each for part in parts if isinstance(part, ToolResult) for each in part.parts]
    return sum(isinstance(part, Text) for part in (*parts, *inner))


RULES = Message(role="system", parts=(Text(text="Be brief"),))


def long(turns: int, **changes: object) -> Request:
    """Make a conversation of many turns of about 1,000 tokens each, and a short last one."""
    body = [each for _ in range(turns) for each in (says(Text(text="word " * 1_000)), answers(call("a")), tool("a"))]
    return talk(RULES, *body, says(), **changes)


def test_turns_are_left_out_only_for_callers_who_allow_it_and_not_where_the_upstream_does_it_itself() -> None:
    small = replace(HERE, protocol="gemini", window=8_000)
    assert len(hand_over(long(20), None, small).request.messages) == 62
    asked = long(20, truncation="auto")
    assert len(hand_over(asked, None, small).request.messages) < 62
    assert hand_over(asked, None, replace(small, protocol="openai_chat")).request is asked
    assert hand_over(asked, None, replace(small, window=None)).losses == ()


def test_the_middle_is_left_out_unless_the_upstream_does_so_itself() -> None:
    asked = long(20, routing=Routing(middle_out=True))
    small = replace(HERE, protocol="openai_chat", window=8_000)
    for heir in (small, replace(small, protocol="gemini"), replace(small, protocol="gemini", shortens=True)):
        handed = hand_over(asked, None, heir)
        assert len(handed.request.messages) < 62
        assert [loss.kind for loss in handed.losses] == ["dropped"]
    assert hand_over(asked, None, replace(small, shortens=True)).request is asked
    assert hand_over(asked, None, replace(small, window=None)).request is asked


BUDGET = Sampling(reasoning_budget=2_000)
LOOP = (says(), answers(replace(SIGNED, origin="anthropic_messages"), call("a")), tool("a"))
CLAUDE = Heir(protocol="anthropic_messages", provider="here")


def test_a_turn_that_lost_its_thinking_goes_on_without() -> None:
    asked = talk(*LOOP, protocol="anthropic_messages", sampling=BUDGET)
    handed = hand_over(asked, THEIRS, CLAUDE)
    assert handed.request.sampling.reasoning_budget == 0
    assert [loss.field for loss in handed.losses] == ["messages[1].reasoning", "reasoning_budget"]


def test_thinking_goes_on_where_nothing_of_it_was_lost() -> None:
    asked = talk(*LOOP, protocol="anthropic_messages", sampling=BUDGET)
    assert hand_over(asked, MINE, CLAUDE).request is asked
    assert hand_over(asked, THEIRS, HERE).request.sampling == BUDGET  # suited on the way, where it must be
    later = talk(*LOOP, answers(), says(), protocol="anthropic_messages", sampling=BUDGET)
    assert hand_over(later, THEIRS, CLAUDE).request.sampling == BUDGET
    adaptive = replace(asked, sampling=Sampling(reasoning_budget=-1))
    assert hand_over(adaptive, THEIRS, CLAUDE).request.sampling.reasoning_budget == -1


def test_what_another_conversation_of_the_session_says_strips_nothing() -> None:
    asked = talk(*LOOP, protocol="anthropic_messages", sampling=BUDGET)
    assert hand_over(asked, replace(THEIRS, exact=False), CLAUDE).request is asked
