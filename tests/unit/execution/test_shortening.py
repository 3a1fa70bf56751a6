from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gearshift import tokens
from gearshift.execution.shortening import GAP, begins_turn, middle_out, oldest_out
from gearshift.types.chat import APART, Message, Request, Text, ToolCall, ToolResult
from tests.unit.execution.test_handover import RULES, long, says, talk


def surely(request: Request, window: int) -> bool:
    return tokens.estimate(request) * 2 <= window - tokens.reserve(request)


def test_the_oldest_turns_go_until_it_surely_fits() -> None:
    asked = long(20)
    told, losses = oldest_out(asked, 8_000)
    kept = told.messages
    assert kept[0] == RULES
    assert kept[-1] == says()
    assert kept[1].role == "user"
    assert len(kept) < len(asked.messages)
    assert tokens.estimate(told) * 2 <= 8_000 - tokens.reserve(asked)
    more = replace(asked, messages=(RULES, *asked.messages[len(asked.messages) - len(kept) - 2 :]))
    assert tokens.estimate(more) * 2 > 8_000 - tokens.reserve(asked)
    (loss,) = losses
    assert loss.kind == "dropped"
    assert loss.field == f"messages[1:{len(asked.messages) - len(kept) + 1}]"
    assert "turns" in loss.detail


def test_what_fits_is_left_whole_and_the_last_turn_always_stays() -> None:
    asked = long(2)
    assert oldest_out(asked, 100_000)[0] is asked
    single = talk(RULES, says(Text(text="word " * 50_000)))
    assert oldest_out(single, 1_000)[0] is single
    assert list(oldest_out(long(3), 10)[0].messages) == [RULES, says()]


def test_the_middle_goes_and_the_start_and_the_end_stay() -> None:
    asked = long(20)
    told, (loss,) = middle_out(asked, 12_000)
    start, stop = map(int, loss.field.removeprefix("messages[").removesuffix("]").split(":"))
    assert told.messages == (*asked.messages[:start], *asked.messages[stop:])
    before, behind = start - 1, len(asked.messages) - stop
    assert before > 3 < behind
    assert abs(before - behind) <= 4  # a turn has three messages, the last one has one
    assert surely(told, 12_000)
    assert (loss.kind, "the middle" in loss.detail) == ("dropped", True)


def test_no_more_goes_than_must() -> None:
    asked = long(20)
    told, _ = middle_out(asked, 12_000)
    more, _ = middle_out(asked, 14_000)
    assert len(told.messages) < len(more.messages) < len(asked.messages)
    assert middle_out(asked, 1_000_000) == (asked, ())
    assert middle_out(asked, 1_000_000)[0] is asked


def test_of_a_turn_that_is_too_long_itself_the_middle_of_its_text_goes() -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    asked = talk(RULES, says(Text(text=text)))
    told, losses = middle_out(asked, 8_000)
    (part,) = told.messages[1].parts
    assert isinstance(part, Text)
    start, gap, end = part.text.partition(GAP)
    assert text.startswith(start)
    assert text.endswith(end)
    assert (gap, abs(len(start) - len(end)) <= 1) == (GAP, True)
    assert surely(told, 8_000)
    assert len(part.text) > 5_000  # as much stays as may
    assert told.messages[0] == RULES
    (loss,) = losses
    assert (loss.kind, loss.field) == ("mapped", "messages[1].content[0]")
    assert f"of {len(text)} characters" in loss.detail


def test_the_longest_texts_are_cut_first_those_of_tools_too() -> None:
    result = ToolResult(call_id="a", parts=(Text(text="x y " * 20_000), Text(text="short")))
    call = Message(role="assistant", parts=(ToolCall(id="a", name="f", arguments="{}"),))
    asked = talk(says(Text(text="a b " * 10_000)), call, Message(role="tool", parts=(result,)))
    told, losses = middle_out(asked, 6_000)
    assert [loss.field for loss in losses] == ["messages[2].content[0]", "messages[0].content[0]"]
    (part,) = told.messages[2].parts
    assert isinstance(part, ToolResult)
    assert [each.text for each in part.parts if isinstance(each, Text)] == [GAP, "short"]
    assert surely(told, 6_000)


def test_where_nothing_helps_the_upstream_says_the_rest() -> None:
    many = talk(RULES, says(*(Text(text="word " * 500) for _ in range(20))))
    told, losses = middle_out(many, 500)
    assert len(losses) == 8
    assert not surely(told, 500)
    assert middle_out(talk(RULES), 10) == (talk(RULES), ())


def test_where_the_caller_said_a_message_goes_along() -> None:
    asked = long(20)
    asked = replace(asked, places=(APART, *range(len(asked.messages) - 1)), protocol="anthropic_messages")
    told, (loss,) = middle_out(asked, 12_000)
    assert len(told.places) == len(told.messages)
    assert told.places[0] == APART
    kept = [asked.messages[place + 1] for place in told.places]
    assert kept == list(told.messages)
    first, last = map(int, loss.field.removeprefix("messages[").removesuffix("]").split(":"))
    assert set(range(first, last)) == set(range(len(asked.messages) - 1)) - set(told.places)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(300, 3_000))
def test_what_is_told_fits_or_is_one_turn_and_keeps_calls_with_results(sizes: list[int], window: int) -> None:
    result = Message(role="tool", parts=(ToolResult(call_id="a", parts=(Text(text="1"),)),))
    call = Message(role="assistant", parts=(ToolCall(id="a", name="f", arguments="{}"),))
    asked = talk(RULES, *(each for size in sizes for each in (says(Text(text="word " * size)), call, result)))
    told, losses = middle_out(asked, window)
    assert told.messages[0] == RULES
    assert [message.role for message in told.messages[1:]] == ["user", "assistant", "tool"] * (len(told.messages) // 3)
    assert surely(told, window) or tokens.fits(told, window, tokens.reserve(told)) or len(told.messages) == 4
    assert bool(losses) == (told is not asked)


@pytest.mark.parametrize(("message", "begins"), [(says(), True), (RULES, False)])
def test_a_turn_begins_with_what_a_user_says(message: Message, begins: bool) -> None:
    assert begins_turn(message) is begins
    assert not begins_turn(Message(role="user", parts=(ToolResult(call_id="a", parts=()),)))
