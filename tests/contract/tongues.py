"""Give, for each protocol, its codec and strategies for what can be said in it without loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from hypothesis import strategies as st
from msgspec import Raw, Struct

from gearshift.protocols.anthropic_messages import AnthropicMessages
from gearshift.protocols.bedrock_converse import BedrockConverse
from gearshift.protocols.codec import Codec, RequestEdits
from gearshift.protocols.gemini import Gemini
from gearshift.protocols.openai_chat import OpenAIChat
from gearshift.protocols.openai_responses import OpenAIResponses
from gearshift.types.catalog import EXTENSIONS, Quirks
from gearshift.types.chat import (
    CacheMark,
    Choice,
    Citation,
    FinishReason,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Response,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from tests.contract import nouns

ALL: Final = Quirks(extensions=EXTENSIONS)
ARGUMENTS: Final = ("{}", '{"a": 1}', '{"city":"Köln","n":[1, 2.50]}', '{"q":"\\u00e9\\"}"}')
"""Arguments of calls, in spellings that a careless re-encoding would change."""
spoken = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"), min_size=1, max_size=12).filter(
    str.strip
)


class Tongue(Struct, frozen=True, kw_only=True):
    """Hold a codec and what its protocol can say.

    `knobs` are fields of `Sampling`; `marks`: the prompt cache can be marked, `marks_whole`: by one mark for all of it;
    `titles`: citations say where they stand. `calls`: callers of ours speak it. `named`: answers say their id and
    model. `declares`: a tool that was called is among the tools, and which to call is said beside them only. `thought`:
    thinking is counted apart.
    """

    codec: Codec
    knobs: frozenset[str]
    formats: frozenset[str]
    images: st.SearchStrategy[Media]
    shown: tuple[str | None, ...] = (None,)
    budgets: st.SearchStrategy[int | None] = st.none()
    efforts: tuple[str | None, ...] = (None,)
    marks: bool = False
    named_formats: bool = False
    strict: bool = True
    parallel: bool = True
    user: bool = True
    tags: bool = False
    errors: tuple[bool | None, ...] = (None,)
    named_results: bool = False
    redacted: bool = False
    signed: bool = True
    dated: bool = False
    refusals: bool = True
    choices: int = 1
    scores: bool = True
    placed: bool = True
    written: bool = True
    citations: bool = True
    marks_whole: bool = True
    calls: bool = True
    named: bool = True
    declares: bool = False
    thought: bool = True

    @property
    def name(self) -> str:
        """Give the protocol's name."""
        return self.codec.name


_KNOBS: Final = {
    "max_output_tokens": st.integers(1, 4096),
    "temperature": st.floats(0, 1).map(lambda number: round(number, 3)),
    "top_p": st.floats(0, 1).map(lambda number: round(number, 3)),
    "top_k": st.integers(1, 100).map(float),
    "stop": st.lists(spoken, min_size=1, max_size=2).map(tuple),
    "seed": st.integers(0, 2**31),
    "n": st.integers(1, 4),
    "presence_penalty": st.floats(-2, 2).map(lambda number: round(number, 3)),
    "frequency_penalty": st.floats(-2, 2).map(lambda number: round(number, 3)),
    "logprobs": st.just(True),
    "top_logprobs": st.integers(1, 5),
    "verbosity": st.sampled_from(["low", "high"]),
}
_urls = nouns.urls.map(lambda url: Media(kind="image", url=url))
_data = st.builds(
    Media, kind=st.just("image"), data=nouns.base64, media_type=st.sampled_from(["image/png", "image/jpeg"])
)
_pdfs = st.builds(
    Media, kind=st.just("file"), data=nouns.base64, media_type=st.just("application/pdf"), name=nouns.maybe(nouns.words)
)
_documents = nouns.base64.map(lambda data: Media(kind="file", data=data, media_type="application/pdf"))
_typed = nouns.urls.map(lambda url: Media(kind="image", url=url, media_type="image/png"))
_COMMON: Final = frozenset({"max_output_tokens", "temperature", "top_p"})

TONGUES: Final[tuple[Tongue, ...]] = (
    Tongue(
        codec=OpenAIChat(),
        knobs=frozenset(_KNOBS),
        formats=frozenset({"text", "json_object", "json_schema"}),
        images=_urls | _data | _pdfs,
        shown=(None, "omitted"),
        budgets=st.none() | st.integers(-1, 9000),
        efforts=(None, "low", "high"),
        marks=True,
        named_formats=True,
        tags=True,
        signed=False,
        dated=True,
        choices=3,
    ),
    Tongue(
        codec=AnthropicMessages(),
        knobs=_COMMON | {"top_k", "stop"},
        formats=frozenset({"json_schema"}),
        images=_urls | _data | _pdfs,
        budgets=st.none() | st.integers(-1, 9000),
        efforts=(None, "low", "max"),
        marks=True,
        errors=(None, True, False),
        redacted=True,
        refusals=False,
        scores=False,
        placed=False,
    ),
    Tongue(
        codec=OpenAIResponses(),
        knobs=_COMMON | {"logprobs", "top_logprobs", "verbosity"},
        formats=frozenset({"text", "json_object", "json_schema"}),
        images=_urls | _data | _pdfs,
        shown=(None, "auto", "detailed"),
        efforts=(None, "none", "xhigh"),
        named_formats=True,
        tags=True,
        dated=True,
    ),
    Tongue(
        codec=Gemini(),
        knobs=frozenset(_KNOBS) - {"verbosity"},
        formats=frozenset({"json_object", "json_schema"}),
        images=_typed | _data | _pdfs,
        shown=(None, "auto", "omitted"),
        budgets=st.none() | st.integers(-1, 9000),
        strict=False,
        parallel=False,
        user=False,
        errors=(None, True),
        named_results=True,
        refusals=False,
        choices=3,
        written=False,
    ),
    Tongue(
        codec=BedrockConverse(),
        knobs=_COMMON | {"stop"},
        formats=frozenset({"json_schema"}),
        images=_data | _documents,
        marks=True,
        marks_whole=False,
        parallel=False,
        user=False,
        errors=(None, True, False),
        redacted=True,
        refusals=False,
        scores=False,
        placed=False,
        calls=False,
        named=False,
        declares=True,
        thought=False,
    ),
)
CALLERS: Final = tuple(tongue for tongue in TONGUES if tongue.calls)


@st.composite
def requests(draw: st.DrawFn, tongue: Tongue) -> Request:
    """Give requests that can be said in `tongue` word for word."""
    marks = st.none() | st.builds(CacheMark, ttl=st.sampled_from([None, "1h"])) if tongue.marks else st.none()
    texts = st.builds(Text, text=spoken, cache=marks)
    pieces: st.SearchStrategy[Text | Media] = texts | tongue.images
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message(role="system", parts=tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    for turn in range(draw(st.integers(1, 3))):
        messages.append(Message(role="user", parts=tuple(draw(st.lists(pieces, min_size=1, max_size=3)))))
        messages += draw(_answered(tongue, texts, turn))
    format_kind = draw(st.sampled_from([None, *sorted(tongue.formats)]))
    knobs = {name: draw(_KNOBS[name]) for name in sorted(tongue.knobs) if draw(st.booleans())}
    if tongue.name == "anthropic_messages":
        knobs["max_output_tokens"] = draw(st.integers(1, 4096))
    budget = draw(tongue.budgets)
    thinking = {
        "reasoning_budget": budget,
        "reasoning_effort": draw(st.sampled_from(tongue.efforts)),
        "reasoning_shown": draw(st.sampled_from(tongue.shown)),
    }
    sampling = msgspec.convert(knobs | thinking, Sampling)
    called = any(isinstance(part, ToolCall) for message in messages for part in message.parts)
    tools = tuple(draw(st.lists(_tools(tongue, marks), min_size=int(called and tongue.declares), max_size=2)))
    choice = draw(st.none() | nouns.choices_of_tools)
    if tongue.declares and choice is not None and (not tools or choice.mode == "none"):
        choice = None
    return Request(
        protocol=tongue.name,
        model=draw(nouns.words),
        messages=tuple(messages),
        tools=tools,
        tool_choice=choice,
        response_format=None if format_kind is None else draw(_formats(tongue, format_kind)),
        sampling=sampling,
        stream=draw(st.booleans()),
        user=draw(nouns.maybe(nouns.words)) if tongue.user else None,
        cache=draw(marks) if tongue.marks_whole else None,
        metadata=draw(st.dictionaries(nouns.words, nouns.texts, max_size=2)) if tongue.tags else {},
        extra=draw(nouns.extras),
    )


@st.composite
def _answered(
    draw: st.DrawFn,
    tongue: Tongue,
    texts: st.SearchStrategy[Text],
    turn: int,
) -> list[Message]:
    """Give an answer and, where it calls tools, their results."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(draw(thoughts(tongue)))
    if draw(st.booleans()) or not parts:
        parts.append(draw(texts))
    calls = [
        ToolCall(id=f"c{turn}{number}", name=f"f{number}", arguments=draw(st.sampled_from(ARGUMENTS)))
        for number in range(draw(st.integers(0, 2)))
    ]
    results = [
        Message(
            role="tool",
            parts=(
                ToolResult(
                    call_id=call.id,
                    name=call.name if tongue.named_results else None,
                    parts=(Text(text=draw(spoken)),),
                    is_error=draw(st.sampled_from(tongue.errors)),
                ),
            ),
        )
        for call in calls
    ]
    return [Message(role="assistant", parts=(*parts, *calls)), *results]


def thoughts(tongue: Tongue) -> st.SearchStrategy[Reasoning]:
    """Give thinking as it can stand in a conversation."""
    if not tongue.signed:
        return st.builds(Reasoning, text=spoken)
    signed = st.builds(Reasoning, text=spoken, signature=nouns.words, origin=st.just(tongue.name))
    if not tongue.redacted:
        return signed
    return signed | st.builds(
        Reasoning, text=st.just(""), signature=nouns.words, origin=st.just(tongue.name), redacted=st.just(True)
    )


def _tools(tongue: Tongue, marks: st.SearchStrategy[CacheMark | None]) -> st.SearchStrategy[Tool]:
    return st.builds(
        Tool,
        name=nouns.words,
        description=nouns.maybe(spoken),
        parameters=st.sampled_from([Raw(b'{"type" : "object","properties":{}}'), Raw(b'{"type":"object"}')]),
        strict=nouns.maybe(st.booleans()) if tongue.strict else st.none(),
        cache=marks,
    )


def _formats(tongue: Tongue, kind: str) -> st.SearchStrategy[ResponseFormat]:
    if kind != "json_schema":
        return st.builds(ResponseFormat, kind=st.just(kind))
    return st.builds(
        ResponseFormat,
        kind=st.just(kind),
        name=nouns.words if tongue.named_formats else st.none(),
        schema=st.just(Raw(b'{"type" : "object"}')),
        strict=nouns.maybe(st.booleans()) if tongue.named_formats else st.none(),
    )


@st.composite
def responses(draw: st.DrawFn, tongue: Tongue, *, plain: bool = False) -> Response:
    """Give answers that can be said in `tongue` word for word; `plain` ones in all."""
    count = 1 if plain else draw(st.integers(1, tongue.choices))
    usage = draw(nouns.usages)
    if not tongue.written or plain:
        usage = msgspec.structs.replace(usage, cache_write_tokens=0)
    if not tongue.thought:
        usage = msgspec.structs.replace(usage, reasoning_tokens=0)
    return Response(
        protocol=tongue.name,
        id=draw(nouns.words) if tongue.named else "",
        model=draw(nouns.words) if tongue.named else "",
        created=draw(st.integers(0, 2**32)) if tongue.dated and not plain else 0,
        choices=tuple(draw(_choices(tongue, index, plain=plain)) for index in range(count)),
        usage=usage,
    )


@st.composite
def _choices(draw: st.DrawFn, tongue: Tongue, index: int, *, plain: bool) -> Choice:
    parts: list[Part] = []
    if draw(st.booleans()):
        thought = draw(thoughts(tongue))
        parts.append(thought if not thought.redacted or not plain else Reasoning(text="hm"))
    if draw(st.booleans()):
        parts.append(Text(text=draw(spoken), citations=draw(_citations(tongue)) if not plain else ()))
    elif tongue.refusals and not plain and draw(st.booleans()):
        parts.append(Refusal(text=draw(spoken)))
    calls = [
        ToolCall(id=f"c{index}{number}", name=draw(nouns.words), arguments=draw(st.sampled_from(ARGUMENTS)))
        for number in range(draw(st.integers(0, 2)))
    ]
    reasons: Sequence[FinishReason] = ("tool_calls",) if calls else ("stop", "length", "content_filter")
    scores = None
    if tongue.scores and not plain and parts and isinstance(parts[-1], Text) and draw(st.booleans()):
        scores = draw(_scores())
    if tongue.codec.gives_media and not plain and draw(st.booleans()):
        parts.append(draw(_data.filter(lambda image: bool(image.data))))
    return Choice(index=index, parts=(*parts, *calls), finish_reason=draw(st.sampled_from(reasons)), logprobs=scores)


def _citations(tongue: Tongue) -> st.SearchStrategy[tuple[Citation, ...]]:
    places = st.integers(0, 99) if tongue.placed else st.none()
    one = st.builds(Citation, url=nouns.urls, title=spoken, start=places, end=places)
    return st.lists(one, max_size=2).map(tuple)


@st.composite
def _scores(draw: st.DrawFn) -> Raw:
    tokens = draw(st.lists(spoken, min_size=1, max_size=3))
    content = [{"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []} for token in tokens]
    return Raw(msgspec.json.encode({"content": content, "refusal": None}))


def edits(request: Request) -> RequestEdits:
    """Give edits that change nothing."""
    return RequestEdits(model=request.model, quirks=ALL)


__all__ = ["ALL", "CALLERS", "TONGUES", "Tongue", "Usage", "edits", "requests", "responses", "thoughts"]
