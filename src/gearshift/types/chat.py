"""Own what is said: requests, messages and responses, of no particular protocol.

Invariant: what no noun covers survives in `extra`, as raw JSON. The events of a stream are in `stream`.
Words follow the OpenTelemetry `gen_ai` conventions where these have one.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from gearshift.types.access import Granted
from gearshift.types.asking import Constraint, MaxPrice, Unmet

Extra: TypeAlias = dict[str, Raw]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
Sort: TypeAlias = Literal["price", "throughput", "latency"]
Percentile: TypeAlias = Literal["p50", "p75", "p90", "p99"]
Cutoffs: TypeAlias = tuple[tuple[Percentile, float], ...]
Task: TypeAlias = Literal[
    "tools",
    "vision",
    "structured",
    "long_context",
    "code",
    "math",
    "translation",
    "extraction",
    "writing",
    "chat",
]
"""What a request is for, as far as it can be told by looking (`routing.task`)."""
TRUNCATED: Final = "auto"
"""What a caller says who lets the oldest turns of a long conversation go (OpenAI Responses, `truncation`)."""
APART: Final = -1
"""Where a system prompt was said that stands beside the list of messages (`Request.places`)."""
PartKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_call"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error"]


class CacheMark(Struct, frozen=True, kw_only=True):
    """Ask the provider to keep what comes before; `ttl` says how long, in the provider's words (`5m`, `1h`)."""

    ttl: str | None = None


class Citation(Struct, frozen=True, kw_only=True):
    """Say where a text comes from; `start` and `end` are characters of that text, None: not known."""

    url: str
    title: str | None = None
    start: int | None = None
    end: int | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    """Hold a piece of plain text."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()
    extra: Extra = msgspec.field(default_factory=dict)


class Media(Struct, frozen=True, kw_only=True, tag="media"):
    """Hold an image, a sound or a file, by URL or as base64 `data`; `detail` is how closely an image is looked at."""

    kind: Literal["image", "audio", "file"]
    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    name: str | None = None
    detail: str | None = None
    cache: CacheMark | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class ToolCall(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """Hold the model's wish to call a tool; `arguments` is JSON text, kept byte for byte."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class ToolResult(Struct, frozen=True, kw_only=True, tag="tool_result"):
    """Hold what a tool gave back for the call `call_id`; `is_error` None: not said."""

    call_id: str
    parts: tuple[Text | Media, ...]
    name: str | None = None
    is_error: bool | None = None
    cache: CacheMark | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """Hold the model's thinking; `signature` proves it to the provider that wrote it.

    `origin` is the protocol in which it was signed. A signature without text is thinking that is not shown, or (Gemini)
    that of the part that follows. `redacted`: the signature holds the thinking itself, encrypted.
    """

    text: str
    signature: str | None = None
    origin: str | None = None
    redacted: bool = False
    extra: Extra = msgspec.field(default_factory=dict)


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """Hold the words with which the model declined."""

    text: str
    extra: Extra = msgspec.field(default_factory=dict)


Part: TypeAlias = Text | Media | ToolCall | ToolResult | Reasoning | Refusal


class Message(Struct, frozen=True, kw_only=True):
    """Hold one turn of a conversation."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class Tool(Struct, frozen=True, kw_only=True):
    """Hold a function that the model may call; `parameters` is its JSON schema, raw."""

    name: str
    description: str | None = None
    parameters: Raw | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class ToolChoice(Struct, frozen=True, kw_only=True):
    """Hold which tool must be called; `name` only with mode `named`."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """Hold the form that the answer must take; `schema` only with kind `json_schema`."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class Sampling(Struct, frozen=True, kw_only=True):
    """Hold the knobs of generation; None means "not stated by the caller".

    `max_output_tokens` of 0 asks for no answer: the prompt is only put into the provider's cache (Anthropic).
    `reasoning_budget` is the most tokens of thinking: 0 for none, -1 for as many as the model sees fit.
    `reasoning_shown` is how the thinking is told: `auto`, `concise`, `detailed` or `omitted`.
    """

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    reasoning_shown: str | None = None
    verbosity: str | None = None


class Routing(Struct, frozen=True, kw_only=True):
    """Hold what the caller asks of the router itself.

    `models` is a fallback order. `only`, `ignore` and `order` name providers. `allowed` and `excluded` are model globs.
    `max_cost` is the most that the whole exchange may cost, in nano-USD. `sort` orders the deployments of each model,
    or with `sort_across` those of all models together. `preferred_max_latency` holds seconds to the first token and
    `preferred_min_throughput` tokens per second, each with its percentile; deployments known to be slower are tried
    last. What must be known of a deployment: `no_collection` (the prompts are neither kept nor trained on), `zdr` (they
    are not retained at all), `distillable` (its answers may be trained on), one of `quantizations`. `middle_out`: what
    is in the middle of a conversation may be left out where it is too long for a model. `unmet` are the wishes that no
    other field holds. `granted` and `explore` are not the caller's words but its key's: see `access`.
    """

    models: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    allow_fallbacks: bool = True
    cost_tier: str | None = None
    max_cost: int | None = None
    session_id: str | None = None
    sort: Sort | None = None
    sort_across: bool = False
    preferred_max_latency: Cutoffs = ()
    preferred_min_throughput: Cutoffs = ()
    require_parameters: bool = False
    no_collection: bool = False
    zdr: bool = False
    distillable: bool = False
    middle_out: bool = False
    quantizations: tuple[str, ...] = ()
    max_price: MaxPrice | None = None
    constraint: Constraint | None = None
    unmet: tuple[Unmet, ...] = ()
    granted: Granted | None = None
    explore: bool = True


class Request(Struct, frozen=True, kw_only=True, weakref=True):
    """Hold one request of a caller.

    `protocol` is the one that it was said in, whose own words every `extra` in it holds. `user` is whom the caller asks
    for, in the caller's words. `include_usage` is None when the caller did not say. `metadata` values are strings,
    numbers or booleans. `cache` marks the whole conversation. `truncation` `auto`: its oldest turns may be left out
    where it is too long for a model. `places` says which of the caller's own messages each of `messages` was, or
    `APART`; nothing: they are one by one. `extra` keeps every top-level field without a noun, as raw JSON.
    """

    protocol: str = ""

    model: str
    messages: tuple[Message, ...]
    places: tuple[int, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    sampling: Sampling = Sampling()
    stream: bool = False
    include_usage: bool | None = None
    user: str | None = None
    service_tier: str | None = None
    cache: CacheMark | None = None
    truncation: str | None = None
    metadata: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    routing: Routing = Routing()
    extra: Extra = msgspec.field(default_factory=dict)


class Usage(Struct, frozen=True, kw_only=True):
    """Hold token counts of one attempt.

    `cache_read_tokens` and `cache_write_tokens` are part of `input_tokens`, and `cache_write_1h_tokens`, which were
    written for an hour, of the latter; `reasoning_tokens` is part of `output_tokens` (OpenTelemetry gen_ai.usage.*).
    `estimated` says that we counted, not the upstream.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


class Choice(Struct, frozen=True, kw_only=True):
    """Hold one of the `n` answers; `logprobs` is kept raw."""

    index: int
    parts: tuple[Part, ...]
    finish_reason: FinishReason | None
    logprobs: Raw | None = None
    extra: Extra = msgspec.field(default_factory=dict)


class Response(Struct, frozen=True, kw_only=True):
    """Hold a whole answer. `created` is seconds since the epoch, as the upstream says; `protocol` as in `Request`."""

    protocol: str = ""
    id: str
    model: str
    created: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    extra: Extra = msgspec.field(default_factory=dict)
