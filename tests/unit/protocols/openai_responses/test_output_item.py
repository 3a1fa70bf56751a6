from __future__ import annotations

import json

from msgspec import Raw

from gearshift.protocols.fold import fold
from gearshift.protocols.signatures import seal
from gearshift.types.chat import Choice, Citation, Media, Reasoning, Refusal, Text, ToolCall
from gearshift.types.stream import ChoiceDelta, MediaGiven
from tests.unit.protocols.openai_responses.test_stream_decoder import END, START, added, done, heard, said


def test_thinking_refusals_citations_and_calls() -> None:
    page = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1}
    summary = [
        said("reasoning_summary_text.delta", output_index=0, summary_index=at, delta=text)
        for at, text in enumerate("ab")
    ]
    data = added(0, type="reasoning", id="rs", summary=[]) + b"".join(summary)
    data += done(0, type="reasoning", id="rs", summary=[], encrypted_content="e")
    data += added(1, type="message", id="m", content=[])
    data += said("output_text.delta", output_index=1, content_index=0, delta="A")
    data += said("output_text.annotation.added", output_index=1, content_index=0, annotation=page)
    data += said("refusal.delta", output_index=1, content_index=1, delta="No")
    data += done(1, type="message", id="m", content=[])
    data += added(2, type="function_call", id="fc", call_id="c", name="f", arguments="")
    data += said("function_call_arguments.delta", output_index=2, delta='{"a":')
    data += said("function_call_arguments.delta", output_index=2, delta=" 1}")
    data += done(2, type="function_call", id="fc", call_id="c", name="f", arguments='{"a": 1}')
    (choice,) = fold(heard(START + data + END)).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.parts == (
        Reasoning(text="a\n\nb", signature="e", origin="openai_responses"),
        Text(text="A", citations=(Citation(url="https://a", title="A", start=0, end=1),)),
        Refusal(text="No"),
        ToolCall(id="c", name="f", arguments='{"a": 1}'),
    )


def test_what_no_delta_said_is_said_at_the_end_of_its_item() -> None:
    data = added(0, type="function_call", id="fc", call_id="c", name="f", arguments="")
    data += done(0, type="function_call", id="fc", call_id="c", name="f", arguments="{}")
    data += added(1, type="reasoning", summary=[])
    data += done(1, type="reasoning", summary=[{"type": "summary_text", "text": "Hm"}])
    data += added(2, type="reasoning", summary=[]) + done(2, type="reasoning", summary=[])
    assert fold(heard(START + data + END)).choices[0].parts == (
        ToolCall(id="c", name="f", arguments="{}"),
        Reasoning(text="Hm"),
    )


def test_an_item_without_a_noun_is_told_apart() -> None:
    item = {"type": "web_search_call", "id": "ws"}
    events = heard(START + added(0, **item) + done(0, **item) + END)
    assert events[1] == ChoiceDelta(choice=0, message={"items": Raw(b'[{"type":"web_search_call","id":"ws"}]')})


def test_probabilities_come_with_their_text() -> None:
    scores = [{"token": "H", "logprob": -1}]
    data = added(0, type="message", content=[])
    data += said("output_text.delta", output_index=0, content_index=0, delta="H", logprobs=scores)
    choice = fold(heard(START + data + done(0, type="message") + END)).choices[0]
    assert json.loads(bytes(choice.logprobs or Raw())) == {"content": scores, "refusal": None}


def test_a_message_that_no_delta_told_is_told_at_its_end() -> None:
    content = [{"type": "output_text", "text": "Hi", "annotations": []}, {"type": "refusal", "refusal": "No"}]
    data = added(0, type="message", content=[]) + done(0, type="message", content=content)
    assert fold(heard(START + data + END)).choices[0].parts == (Text(text="Hi"), Refusal(text="No"))


def test_an_annotation_before_the_first_text_is_of_that_text() -> None:
    page = {"type": "url_citation", "url": "https://a"}
    data = added(0, type="message", content=[])
    data += said("output_text.annotation.added", output_index=0, content_index=0, annotation=page)
    data += said("output_text.delta", output_index=0, content_index=0, delta="A")
    (part,) = fold(heard(START + data + done(0, type="message") + END)).choices[0].parts
    assert part == Text(text="A", citations=(Citation(url="https://a"),))


def test_other_annotations_are_kept_raw_beside_citations() -> None:
    page, file = {"type": "url_citation", "url": "https://a"}, {"type": "file_citation", "file_id": "f"}
    data = added(0, type="message", content=[]) + said("output_text.delta", output_index=0, content_index=0, delta="A")
    for each in (page, file):
        data += said("output_text.annotation.added", output_index=0, content_index=0, annotation=each)
    (part,) = fold(heard(START + data + done(0, type="message") + END)).choices[0].parts
    raw = Raw(b'[{"type": "file_citation", "file_id": "f"}]')
    assert part == Text(text="A", citations=(Citation(url="https://a"),), extra={"annotations": raw})


def test_what_no_delta_said_of_a_message_is_told_part_by_part() -> None:
    page = {"type": "url_citation", "url": "https://a"}
    scores = [{"token": "B", "logprob": -1}]
    content: list[object] = [
        {"type": "output_text", "text": "A", "annotations": [page]},
        {"type": "output_text", "text": "B", "annotations": [page], "logprobs": scores},
        {"type": "refusal", "refusal": "No"},
    ]
    data = added(0, type="message", content=[]) + said("output_text.delta", output_index=0, content_index=0, delta="A")
    (choice,) = fold(heard(START + data + done(0, type="message", content=content) + END)).choices
    cited = (Citation(url="https://a"),)
    assert choice.parts == (Text(text="A", citations=cited), Text(text="B", citations=cited), Refusal(text="No"))
    assert json.loads(bytes(choice.logprobs or Raw())) == {"content": scores, "refusal": None}


def test_a_summary_and_the_thinking_itself_are_two_parts() -> None:
    data = added(0, type="reasoning", summary=[])
    data += said("reasoning_text.delta", output_index=0, content_index=0, delta="First ")
    data += said("reasoning_text.delta", output_index=0, content_index=0, delta="this.")
    data += said("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Short")
    data += done(0, type="reasoning", summary=[], encrypted_content="e")
    assert fold(heard(START + data + END)).choices[0].parts == (
        Reasoning(text="First this."),
        Reasoning(text="Short", signature="e", origin="openai_responses"),
    )


def test_a_summary_that_begins_late_begins_without_a_blank_line() -> None:
    data = added(0, type="reasoning", summary=[])
    data += said("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b")
    data += said("reasoning_summary_text.delta", output_index=0, summary_index=2, delta="c")
    assert fold(heard(START + data + done(0, type="reasoning") + END)).choices[0].parts == (Reasoning(text="b\n\nc"),)


def test_what_a_message_says_of_itself_is_kept() -> None:
    data = added(0, type="message", id="m", role="assistant", status="in_progress", content=[], phase="commentary")
    data += said("output_text.delta", output_index=0, content_index=0, delta="A")
    (part,) = fold(heard(START + data + done(0, type="message") + END)).choices[0].parts
    assert part == Text(text="A", extra={"message": Raw(b'{"phase":"commentary"}')})


def test_an_image_is_given_when_it_is_whole() -> None:
    image = {"type": "image_generation_call", "id": "ig", "status": "completed"}
    data = added(0, **image, result=None) + said("image_generation_call.partial_image", partial_image_b64="AA")
    data += done(0, **image, result="AAAA", output_format="webp", size="1x1")
    told = Media(kind="image", data="AAAA", media_type="image/webp", extra={"size": Raw(b'"1x1"')})
    assert heard(START + data + END)[1] == MediaGiven(choice=0, part=0, media=told)
    failed = {**image, "status": "failed", "result": None}
    assert isinstance(heard(START + added(0, **image) + done(0, **failed) + END)[1], ChoiceDelta)


def test_a_part_without_a_noun_is_told_apart() -> None:
    content = [{"type": "output_audio", "data": "x"}]
    events = heard(START + added(0, type="message") + done(0, type="message", content=content) + END)
    raw = Raw(b'[{"type":"message","content":[{"type":"output_audio","data":"x"}]}]')
    assert events[1:2] == [ChoiceDelta(choice=0, message={"items": raw})]


def test_sealed_thinking_keeps_its_origin() -> None:
    sealed = seal("s", "anthropic_messages", "openai_responses", redacted=True)
    data = added(0, type="reasoning", summary=[]) + done(0, type="reasoning", summary=[], encrypted_content=sealed)
    (part,) = fold(heard(START + data + END)).choices[0].parts
    assert part == Reasoning(text="", signature="s", origin="anthropic_messages", redacted=True)


def test_an_annotation_that_is_none_says_nothing() -> None:
    data = added(0, type="message") + said("output_text.annotation.added", output_index=0, content_index=0)
    assert fold(heard(START + data + done(0, type="message", phase="x") + END)).choices == (
        Choice(index=0, parts=(), finish_reason="stop"),
    )
