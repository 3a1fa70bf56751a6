"""Hold the codec to the shapes that providers send: each sample is one answer, whole and streamed.

The shapes were looked up (2026-11) in recordings of these providers; texts, ids and numbers are made up.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fold import fold
from gearshift.protocols.openai_chat import codec
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.chat import Reasoning, Response, Usage
from gearshift.types.stream import Event, Finished
from tests.contract import nouns
from tests.contract.unfold import unfold

SAMPLES = Path(__file__).parent / "samples"
ANSWERS = {"vllm": 2}
"""Answers in a sample, where there are more than one."""
USAGE = {
    "openai": Usage(input_tokens=14, output_tokens=4, cache_read_tokens=8),
    "deepseek": Usage(input_tokens=374, output_tokens=61, cache_read_tokens=256, reasoning_tokens=17),
    "openrouter": Usage(
        input_tokens=22, output_tokens=40, cache_read_tokens=4, cache_write_tokens=10, reasoning_tokens=31
    ),
    "vllm": Usage(input_tokens=9, output_tokens=6),
    "groq": Usage(input_tokens=210, output_tokens=15),
    "azure": Usage(input_tokens=15, output_tokens=78, reasoning_tokens=64),
}
EDITS = ResponseEdits(
    model="small",
    usage=b'"cost":0.25,"cost_details":{"upstream_inference_cost":0.25}',
    top=b'"gearshift":{"router":"auto"}',
)
providers = pytest.mark.parametrize("provider", sorted(USAGE))
splits = pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])


def whole(provider: str) -> bytes:
    return (SAMPLES / f"{provider}.json").read_bytes()


def streamed(provider: str, size: int = 1 << 20) -> list[bytes]:
    data = (SAMPLES / f"{provider}.sse").read_bytes()
    return [data[at : at + size] for at in range(0, len(data), size)]


def fold_of(provider: str) -> Response:
    decoder = codec.stream_decoder(ANSWERS.get(provider, 1))
    events: list[Event] = []
    for piece in streamed(provider):
        events += decoder.feed(piece)
    return fold(events + decoder.close())


def relayed(provider: str, size: int, *, send_usage: bool = True) -> bytes:
    relay = codec.relay("small", ANSWERS.get(provider, 1))
    passed = b"".join([relay.feed(piece) for piece in streamed(provider, size)])
    relay.close()
    assert relay.usage == USAGE[provider]
    return passed + relay.end(EDITS, send_usage=send_usage)


def chunks(data: bytes) -> list[bytes]:
    return [item.data for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]


@providers
def test_the_stream_folds_to_the_same_answer(provider: str) -> None:
    told, twin = fold_of(provider), codec.decode_response(whole(provider))
    assert (told.id, told.model, told.created, told.usage) == (twin.id, twin.model, twin.created, twin.usage)
    for streamed_choice, choice in zip(told.choices, twin.choices, strict=True):
        assert streamed_choice.parts == choice.parts
        assert streamed_choice.finish_reason == choice.finish_reason
        assert (streamed_choice.logprobs is None) == (choice.logprobs is None)


@providers
def test_usage_is_understood(provider: str) -> None:
    assert codec.peek_response(whole(provider)).usage == USAGE[provider]
    assert codec.decode_response(whole(provider)).usage == USAGE[provider]
    assert fold_of(provider).usage == USAGE[provider]


@providers
def test_a_decoded_answer_loses_nothing(provider: str) -> None:
    spoken = msgspec.json.decode(codec.encode_response(codec.decode_response(whole(provider))).body)
    missing = list(lost(msgspec.json.decode(whole(provider)), spoken, ""))
    assert missing == []


def lost(before: object, after: object, path: str) -> list[str]:
    """Give the paths of what is in `before` and not in `after`; null and empty say nothing."""
    if before in (None, "", [], {}) or path.endswith((".index", ".prompt_cache_hit_tokens", ".reasoning")):
        return []  # an index is a place, and the other two have one spelling in the nouns
    if isinstance(before, dict) and isinstance(after, dict):
        return [gone for name in before for gone in lost(before[name], after.get(name), f"{path}.{name}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [gone for index, item in enumerate(before) for gone in lost(item, after[index], f"{path}[{index}]")]
    return [] if before == after else [path]


@providers
def test_a_patched_answer_differs_by_what_was_asked_only(provider: str) -> None:
    patched = codec.patch_response(whole(provider), EDITS)
    expected = msgspec.json.decode(whole(provider)) | {"model": "small", "gearshift": {"router": "auto"}}
    expected["usage"] |= {"cost": 0.25, "cost_details": {"upstream_inference_cost": 0.25}}
    assert msgspec.json.decode(patched) == expected


@providers
@splits
def test_any_split_relays_the_same_bytes(provider: str, size: int) -> None:
    assert relayed(provider, size) == relayed(provider, 1 << 20)


@providers
def test_a_relayed_chunk_differs_by_its_model_only(provider: str) -> None:
    sent = chunks(b"".join(streamed(provider)))
    passed = chunks(relayed(provider, 1 << 20))
    for before, after in zip(sent[:-2], passed[:-2], strict=False):
        name = msgspec.json.encode(msgspec.json.decode(before)["model"])
        assert after == before.replace(b'"model":' + name, b'"model":"small"')
    last = msgspec.json.decode(passed[-2])
    assert last["model"] == "small"
    assert last["usage"]["cost"] == 0.25
    assert last["gearshift"] == {"router": "auto"}
    assert passed[-1] == b"[DONE]"


@providers
def test_without_usage_the_last_chunk_holds_the_metadata_only(provider: str) -> None:
    last = msgspec.json.decode(chunks(relayed(provider, 1 << 20, send_usage=False))[-2])
    assert "usage" not in last
    assert last["choices"] == []
    assert last["gearshift"] == {"router": "auto"}


def test_comments_pass_as_keep_alives() -> None:
    assert relayed("openrouter", 1).startswith(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {")


def test_a_usage_chunk_with_an_empty_answer_is_held_back() -> None:
    told = [msgspec.json.decode(chunk) for chunk in chunks(relayed("openrouter", 1 << 20))[:-1]]
    assert sum("usage" in chunk for chunk in told) == 1


def test_a_usage_beside_the_finish_reason_passes_and_is_said_again() -> None:
    told = [msgspec.json.decode(chunk) for chunk in chunks(relayed("groq", 1 << 20))[:-1]]
    assert [chunk["choices"] == [] for chunk in told if "usage" in chunk] == [False, True]
    assert told[-1]["usage"]["queue_time"] == told[-2]["usage"]["queue_time"]


def test_signed_reasoning_survives_byte_for_byte() -> None:
    for told in (fold_of("openrouter"), codec.decode_response(whole("openrouter"))):
        thought = told.choices[0].parts[0]
        assert isinstance(thought, Reasoning)
        assert thought.text == "A greeting."
        assert b'"signature":"c2ln"' in bytes(thought.extra["reasoning_details"])


@pytest.mark.parametrize("provider", ["openai", "deepseek", "vllm"])
def test_the_official_client_reads_what_we_pass_on(provider: str) -> None:
    answer = ChatCompletion.model_validate_json(codec.patch_response(whole(provider), EDITS))
    assert answer.model == "small"
    assert answer.usage is not None
    *told, done = chunks(relayed(provider, 1 << 20))
    assert done == b"[DONE]"
    usages = [ChatCompletionChunk.model_validate_json(chunk).usage for chunk in told]
    assert usages[-1] is not None
    assert usages[-1].prompt_tokens == answer.usage.prompt_tokens


@providers
def test_the_official_client_reads_what_we_say(provider: str) -> None:
    told = msgspec.structs.replace(codec.decode_response(whole(provider)), extra={})
    answer = ChatCompletion.model_validate_json(codec.encode_response(told).body)
    assert [choice.finish_reason for choice in answer.choices] == [choice.finish_reason for choice in told.choices]


@given(response=nouns.responses())
def test_the_official_client_reads_whatever_we_say(response: Response) -> None:
    assert ChatCompletion.model_validate_json(codec.encode_response(response).body).id == response.id
    encoder = codec.stream_encoder(send_usage=True)
    *events, finished = unfold(response)
    assert isinstance(finished, Finished)
    said = b"".join(encoder.feed(event) for event in events)
    *told, _ = chunks(said + encoder.end(finished, ResponseEdits(model=response.model, counted=Usage())))
    assert {ChatCompletionChunk.model_validate_json(chunk).id for chunk in told} == {response.id}
