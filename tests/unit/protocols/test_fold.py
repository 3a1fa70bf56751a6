from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.errors import StreamBroken
from gearshift.protocols.fold import fold, gather, gather_members
from gearshift.types.chat import Choice, Response, Text, ToolCall, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started


@pytest.mark.parametrize(
    ("deltas", "value"),
    [
        ([b"1"], b"1"),
        ([b"1", b"2.50"], b"2.50"),
        ([b'"a\\u00e9"', b'"b"'], b'"a\\u00e9b"'),
        ([b'"\\ud83d"', b'"\\ude00"'], b'"\\ud83d\\ude00"'),
        ([b"[1 ,2]", b"[ ]", b"[3]"], b"[1 ,2,3]"),
        ([b"[]", b"[]"], b"[]"),
        ([b"null", b'"a"', b"null"], b'"a"'),
        ([b"null", b"null"], b"null"),
        ([b'"a"', b"1"], b"1"),
        ([b'{"text":"a","index":0}', b'{"text":"b","index":1,"n":null}'], b'{"text":"ab","index":1,"n":null}'),
        ([b'{"id":"x","d":["a"]}', b'{"id":null,"d":["b"]}'], b'{"id":"x","d":["a","b"]}'),
    ],
)
def test_deltas_are_strung_together(deltas: list[bytes], value: bytes) -> None:
    assert bytes(gather([Raw(delta) for delta in deltas])) == value


def test_members_that_come_once_stay_as_they_are() -> None:
    assert gather_members([{"a": Raw(b"[ 1 ]")}, {}, {"b": Raw(b"null")}]) == {"a": Raw(b"[ 1 ]"), "b": Raw(b"null")}
    assert gather_members([]) == {}


def test_events_become_the_response_that_they_say() -> None:
    events: list[Event] = [
        Started(id="r", model="m", created=5, extra={"system_fingerprint": Raw(b'"fp"')}),
        PartStarted(choice=1, part=0, kind="tool_call", id="c", name="f"),
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="He", logprobs=Raw(b'{"content":[1]}')),
        PartDelta(choice=1, part=0, text='{"a"', extra={"x": Raw(b'"p"')}),
        PartDelta(choice=0, part=0, text="llo", logprobs=Raw(b'{"content":[2]}')),
        PartDelta(choice=1, part=0, text=":1}", extra={"x": Raw(b'"q"')}),
        ChoiceDelta(choice=0, message={"annotations": Raw(b"[1]")}, extra={"filter": Raw(b"1")}),
        ChoiceDelta(choice=0, message={"annotations": Raw(b"[2]")}, extra={"filter": Raw(b"2")}),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop", extra={"native": Raw(b'"end"')}),
        ChoiceEnded(choice=1, finish_reason="tool_calls"),
        Finished(usage=Usage(input_tokens=1), extra={"late": Raw(b"1")}),
    ]
    assert fold(events) == Response(
        id="r",
        model="m",
        created=5,
        choices=(
            Choice(
                index=0,
                parts=(Text(text="Hello"),),
                finish_reason="stop",
                logprobs=Raw(b'{"content":[1,2]}'),
                extra={
                    "filter": Raw(b"2"),
                    "native": Raw(b'"end"'),
                    "message": Raw(b'{"annotations":[1,2]}'),
                },
            ),
            Choice(
                index=1,
                parts=(ToolCall(id="c", name="f", arguments='{"a":1}', extra={"x": Raw(b'"pq"')}),),
                finish_reason="tool_calls",
            ),
        ),
        usage=Usage(input_tokens=1),
        extra={"system_fingerprint": Raw(b'"fp"'), "late": Raw(b"1")},
    )


def test_an_answer_without_an_end_has_no_finish_reason() -> None:
    told = fold([Started(id="r", model="m", created=0), PartStarted(choice=0, part=0, kind="refusal")])
    assert told.choices[0].finish_reason is None


def test_no_answer_at_all_is_a_broken_stream() -> None:
    with pytest.raises(StreamBroken, match="held no answer"):
        fold([Finished()])
