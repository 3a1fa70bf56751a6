from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.fold import fold
from gearshift.protocols.sequence import Sequence
from gearshift.types.chat import Media, PartKind
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
    MediaGiven,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)


def start(part: int, kind: PartKind = "text", name: str | None = None) -> PartStarted:
    return PartStarted(choice=0, part=part, kind=kind, id=name, name=name)


def says(part: int, text: str) -> PartDelta:
    return PartDelta(choice=0, part=part, text=text)


def ends(part: int) -> PartEnded:
    return PartEnded(choice=0, part=part)


STOP = ChoiceEnded(choice=0, finish_reason="stop")


def ordered(*events: Event) -> list[Event]:
    sequence = Sequence()
    return [out for event in events for out in sequence.feed(event)]


def test_what_is_in_order_stays_as_it_is() -> None:
    events: list[Event] = [start(0), says(0, "a"), ends(0), start(1, "tool_call", "f"), says(1, "{}"), ends(1), STOP]
    assert ordered(*events) == events


def test_a_part_ends_where_the_next_one_starts() -> None:
    assert ordered(start(0), says(0, "a"), start(1, "reasoning"), STOP) == [
        start(0),
        says(0, "a"),
        ends(0),
        start(1, "reasoning"),
        ends(1),
        STOP,
    ]


def test_text_that_goes_on_later_is_a_part_of_its_own() -> None:
    told = ordered(start(0), says(0, "a"), start(1, "tool_call", "f"), says(1, "{}"), says(0, "b"), STOP)
    assert told[-4:] == [start(2), says(2, "b"), ends(2), STOP]


def test_calls_whose_arguments_come_in_turns_are_told_one_after_the_other() -> None:
    told = ordered(
        start(0, "tool_call", "f"),
        says(0, '{"a":'),
        start(1, "tool_call", "g"),
        says(1, '{"b":'),
        says(0, "1}"),
        says(1, "2}"),
        STOP,
    )
    assert told == [
        start(0, "tool_call", "f"),
        says(0, '{"a":'),
        says(0, "1}"),
        ends(0),
        start(1, "tool_call", "g"),
        says(1, '{"b":'),
        says(1, "2}"),
        ends(1),
        STOP,
    ]


def test_a_call_that_is_whole_makes_way_at_once() -> None:
    told = ordered(start(0, "tool_call", "f"), says(0, "{}"), start(1, "tool_call", "g"))
    assert told[-1] == start(1, "tool_call", "g")


def test_arguments_after_their_end_are_refused_but_for_blanks() -> None:
    begun = (start(0, "tool_call", "f"), says(0, "{}"), start(1, "tool_call", "g"))
    assert ordered(*begun, says(0, " \n"))[-1] == start(1, "tool_call", "g")
    with pytest.raises(UpstreamInvalid, match="after their end"):
        ordered(*begun, says(0, "{}"))


def test_answers_are_ordered_each_for_itself() -> None:
    other = PartStarted(choice=1, part=0, kind="text")
    assert ordered(start(0), other, says(0, "a")) == [start(0), other, says(0, "a")]


def test_what_belongs_to_no_part_passes() -> None:
    events: list[Event] = [Started(id="r", model="m", created=0), ChoiceDelta(choice=0), Finished()]
    assert ordered(*events) == events


@given(order=st.permutations([0, 0, 0, 1, 1, 1, 2, 2, 2]))
def test_whatever_the_order_each_call_is_told_whole_and_alone(order: list[int]) -> None:
    pieces = {part: iter(("", f'{{"n":{part}', "}")) for part in range(3)}
    events: list[Event] = [Started(id="r", model="m", created=0)]
    for part in order:
        piece = next(pieces[part])
        events.append(says(part, piece) if piece else start(part, "tool_call", f"f{part}"))
    told = ordered(*events, STOP)
    opened: int | None = None
    for event in told:
        match event:
            case PartStarted():
                assert opened is None
                opened = event.part
            case PartDelta():
                assert event.part == opened
            case PartEnded():
                opened = None
            case _:
                pass
    calls = {part.name: part.arguments for part in fold(told).choices[0].parts}  # type: ignore[union-attr]
    assert calls == {f"f{part}": f'{{"n":{part}}}' for part in range(3)}


def test_an_image_ends_what_is_open_and_waits_for_a_call_that_goes_on() -> None:
    def image(part: int) -> MediaGiven:
        return MediaGiven(choice=0, part=part, media=Media(kind="image", data="AA=="))

    assert ordered(start(0), says(0, "a"), image(1), says(0, "b"), STOP) == [
        *(start(0), says(0, "a"), ends(0), image(1)),
        *(start(2), says(2, "b"), ends(2), STOP),
    ]
    told = ordered(start(0, "tool_call", "f"), says(0, '{"a":'), image(1), says(0, "1}"), ends(0), STOP)
    assert told == [start(0, "tool_call", "f"), says(0, '{"a":'), says(0, "1}"), ends(0), image(1), STOP]
