"""Give hypothesis strategies for the nouns, in the forms that any chat protocol can say."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from gearshift.types.chat import (
    CacheMark,
    Choice,
    Extra,
    FinishReason,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Response,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

T = TypeVar("T")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
urls = words.map("https://media.example/".__add__)
base64 = st.binary(max_size=9).map(lambda data: msgspec.json.encode(data).decode().strip('"'))

ODD: Final = (b"1.50", b'"\\u0041"', b'{"b" : [1 , 2], "a":{}}', b"[ ]", b"-0", b"1e2", b'"\xc3\xa9"', b"true")
"""JSON that a careless re-encoding would change."""
values = st.one_of(
    st.sampled_from([Raw(odd) for odd in ODD]),
    st.recursive(
        st.integers(-9, 9) | st.booleans() | texts,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
        max_leaves=4,
    ).map(lambda value: Raw(msgspec.json.encode(value))),
)
extras: st.SearchStrategy[Extra] = st.dictionaries(words.map("x_".__add__), values, max_size=2)


def nested(name: str) -> st.SearchStrategy[Extra]:
    """Give extras, some of which hold the rest of the object `name`."""
    inner = st.dictionaries(words.map("x_".__add__), values, min_size=1, max_size=2).map(
        lambda rest: {name: Raw(msgspec.json.encode(rest))}
    )
    return extras | st.tuples(extras, inner).map(lambda both: both[0] | both[1])


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Give None too."""
    return st.none() | strategy


marks = st.none() | st.builds(CacheMark, ttl=st.sampled_from([None, "5m", "1h"]))
plain = st.builds(Text, text=texts, cache=marks, extra=extras)
images = st.one_of(
    st.builds(Media, kind=st.just("image"), url=urls, detail=maybe(words), cache=marks, extra=nested("image_url")),
    st.builds(
        Media,
        kind=st.just("image"),
        data=base64,
        media_type=st.sampled_from(["image/png", "image/jpeg"]),
        extra=nested("image_url"),
    ),
)
sounds = st.builds(
    Media,
    kind=st.just("audio"),
    data=base64,
    media_type=st.sampled_from(["audio/wav", "audio/mpeg"]),
    extra=nested("input_audio"),
)
files = st.builds(
    Media,
    kind=st.just("file"),
    data=base64,
    media_type=st.just("application/pdf"),
    name=maybe(words),
    extra=nested("file"),
)
pieces = st.lists(plain | images | sounds | files, max_size=3).map(tuple)
refusals = st.builds(Refusal, text=texts)
calls = st.builds(ToolCall, id=words, name=words, arguments=texts, extra=nested("function"))
thoughts = st.one_of(
    st.builds(Reasoning, text=texts),
    st.builds(Reasoning, text=texts, signature=words, origin=st.sampled_from(["anthropic_messages", "gemini"])),
    st.builds(
        Reasoning,
        text=texts,
        extra=st.just({"reasoning_details": Raw(b'[{"type":"reasoning.encrypted","data":"eA==","index":0}]')}),
    ),
)


def at_most_one(strategy: st.SearchStrategy[Part]) -> st.SearchStrategy[tuple[Part, ...]]:
    """Give one part or none."""
    return st.just(()) | strategy.map(lambda part: (part,))


_askers: tuple[Role, ...] = ("system", "developer", "user")


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Give turns of every role."""
    role: Role = draw(st.sampled_from((*_askers, "assistant", "tool")))
    parts: tuple[Part, ...] = draw(pieces)
    if role == "assistant":
        tail = draw(at_most_one(refusals)) + tuple(draw(st.lists(calls, max_size=2)))
        parts = draw(at_most_one(thoughts)) + parts + tail
    elif role == "tool":
        parts = (ToolResult(call_id=draw(words), parts=draw(pieces)),)
    return Message(role=role, parts=parts, name=draw(maybe(words)), extra=draw(extras))


schemas = st.sampled_from([None, Raw(b'{"type" : "object","properties":{}}'), Raw(b"{}")])
tools = st.builds(
    Tool,
    name=words,
    description=maybe(texts),
    parameters=schemas,
    strict=maybe(st.booleans()),
    cache=marks,
    extra=nested("function"),
)
choices_of_tools = st.one_of(
    st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"])),
    st.builds(ToolChoice, mode=st.just("named"), name=words),
)
formats = st.one_of(
    st.builds(ResponseFormat, kind=st.sampled_from(["text", "json_object"]), extra=extras),
    st.builds(
        ResponseFormat,
        kind=st.just("json_schema"),
        name=words,
        schema=schemas,
        strict=maybe(st.booleans()),
        extra=nested("json_schema"),
    ),
)
_numbers = st.floats(-2, 2).map(lambda number: round(number, 3))
metadata: st.SearchStrategy[dict[str, str | int | float | bool]] = st.dictionaries(
    words, texts | st.integers(-9, 9) | st.booleans() | _numbers, max_size=2
)
_counts = st.integers(1, 4096)
samplings = st.builds(
    Sampling,
    max_output_tokens=maybe(_counts),
    temperature=maybe(_numbers),
    top_p=maybe(_numbers),
    stop=st.lists(texts, max_size=2).map(tuple),
    seed=maybe(st.integers(-(2**40), 2**40)),
    n=maybe(_counts),
    presence_penalty=maybe(_numbers),
    frequency_penalty=maybe(_numbers),
    logprobs=maybe(st.booleans()),
    top_logprobs=maybe(st.integers(0, 20)),
    reasoning_effort=maybe(words),
    top_k=maybe(st.integers(1, 100).map(float)),
    reasoning_budget=maybe(st.integers(-1, 4096)),
    reasoning_shown=st.sampled_from([None, "omitted"]),
    verbosity=maybe(words),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Give requests that ask nothing of the router."""
    return Request(
        protocol="openai_chat",
        model=draw(words),
        messages=tuple(draw(st.lists(messages(), min_size=1, max_size=3))),
        tools=tuple(draw(st.lists(tools, max_size=2))),
        tool_choice=draw(maybe(choices_of_tools)),
        parallel_tool_calls=draw(maybe(st.booleans())),
        response_format=draw(maybe(formats)),
        sampling=draw(samplings),
        stream=draw(st.booleans()),
        include_usage=draw(maybe(st.booleans())),
        metadata=draw(metadata),
        user=draw(maybe(words)),
        service_tier=draw(maybe(words)),
        cache=draw(marks),
        extra=draw(extras),
    )


_spoken = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
answers: st.SearchStrategy[tuple[Part, ...]] = st.tuples(
    at_most_one(st.builds(Reasoning, text=_spoken)),
    at_most_one(st.builds(Text, text=_spoken)),
    at_most_one(st.builds(Refusal, text=_spoken)),
    st.lists(calls, max_size=2).map(tuple),
).map(lambda parts: parts[0] + parts[1] + parts[2] + parts[3])
_reasons: tuple[FinishReason, ...] = ("stop", "length", "tool_calls", "content_filter")
_tokens = st.lists(
    st.builds(lambda token: {"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []}, texts), max_size=3
)
logprobs = _tokens.map(lambda content: Raw(msgspec.json.encode({"content": content, "refusal": None})))
usages = st.builds(
    lambda read, written, fresh, reasoning, spoken, estimated: Usage(
        input_tokens=read + written + fresh,
        output_tokens=reasoning + spoken,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
        estimated=estimated,
    ),
    *[st.integers(0, 500)] * 5,
    st.booleans(),
)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Give whole answers."""
    choices = tuple(
        Choice(
            index=index,
            parts=draw(answers),
            finish_reason=draw(st.sampled_from(_reasons)),
            logprobs=draw(st.none() | logprobs),
            extra=draw(nested("message")),
        )
        for index in range(draw(st.integers(1, 3)))
    )
    usage = draw(st.none() | usages)
    return Response(
        protocol="openai_chat",
        id=draw(words),
        model=draw(words),
        created=draw(st.integers(0, 2**32)),
        choices=choices,
        usage=usage,
        extra=draw(nested("usage") if usage else extras),
    )
