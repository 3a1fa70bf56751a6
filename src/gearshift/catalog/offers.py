"""Own what a server says that it has: its list of models, read with suspicion.

Forms: OpenAI's `GET /models` (`data`, each with an `id`) with what servers add to it: vLLM and SGLang `max_model_len`,
llama.cpp `meta.n_ctx` and `meta.n_ctx_train`, LM Studio (`GET /api/v0/models`) `max_context_length` and
`loaded_context_length`, OpenRouter and others `context_length`, Groq `context_window`, Anthropic `max_input_tokens`;
Gemini's `models` with `inputTokenLimit`; Ollama's `GET /api/tags` (`models`, each with a `name`).
Invariant: whatever the bytes are, what comes out is at most `MAX_OFFERS` names that could stand in a config.
Sources: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://lmstudio.ai/docs/api/rest-api,
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, https://docs.ollama.com/api, read 2026-11.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.config.values import is_model_name

MAX_OFFERS: Final = 1000
"""Models of one server that are taken; a list that is longer is cut short, and says so."""
MAX_WINDOW: Final = 100_000_000
"""Tokens. A window beyond it is a slip or a lie, and not known."""
_EMBEDDINGS: Final = frozenset({"embedding", "embeddings"})
"""What LM Studio calls the type of a model of vectors."""
_VECTORS: Final = re.compile(r"embed|(^|[/_-])(bge|e5|gte|minilm|mxbai)([/_-]|$)|minilm", re.IGNORECASE)
"""Names of models of vectors: Ollama and llama.cpp list them like all others."""


class Offer(Struct, frozen=True, kw_only=True):
    """Hold one model that a server has, by the server's name for it; tokens, None: not said.

    `embeds`: it makes vectors, and answers nobody.
    """

    name: str
    context_window: int | None = None
    embeds: bool = False


class Offers(Struct, frozen=True, kw_only=True):
    """Hold what a server has; `left_out` counts what it lists beside that and cannot be taken."""

    models: tuple[Offer, ...] = ()
    left_out: int = 0


class _Meta(Struct):
    n_ctx: object = None
    n_ctx_train: object = None


class _Item(Struct):
    """Be one model of a list, of any form; every member is checked when it is used."""

    id: object = None
    name: object = None
    type: object = None
    loaded_context_length: object = None
    max_model_len: object = None
    context_length: object = None
    context_window: object = None
    max_context_length: object = None
    max_input_tokens: object = None
    input_limit: object = msgspec.field(default=None, name="inputTokenLimit")
    methods: object = msgspec.field(default=None, name="supportedGenerationMethods")
    meta: _Meta | None = None


class _Page(Struct):
    data: list[msgspec.Raw] | None = None
    models: list[msgspec.Raw] | None = None


def read_offers(body: bytes) -> Offers:
    """Read a list of models; raise ValueError, in words of ours, when it is none."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except (ValueError, RecursionError) as error:
        raise ValueError("found no list of models in the answer, expected OpenAI's {data: [{id}]}") from error
    items = page.data if page.data is not None else page.models
    if items is None:
        raise ValueError("found no list of models in the answer, expected OpenAI's {data: [{id}]}")
    found: dict[str, Offer] = {}
    for raw in items[:MAX_OFFERS]:
        offer = _offer(raw)
        if offer is not None:
            found.setdefault(offer.name, offer)
    return Offers(models=tuple(found.values()), left_out=len(items) - len(found))


def _offer(raw: msgspec.Raw) -> Offer | None:
    """Read one model; None where it has no usable name or is not one to talk to."""
    try:
        item = msgspec.json.decode(raw, type=_Item)
    except (ValueError, RecursionError):
        return None
    name = item.id if isinstance(item.id, str) else item.name
    if not isinstance(name, str):
        return None
    embeds = item.type in _EMBEDDINGS if isinstance(item.type, str) else _VECTORS.search(name) is not None
    if isinstance(item.methods, list) and "generateContent" not in item.methods:
        return None
    name = name.removeprefix("models/")
    return Offer(name=name, context_window=_window(item), embeds=embeds) if is_model_name(name) else None


def _window(item: _Item) -> int | None:
    """Give the context window: what the server serves with goes before what the model could have."""
    meta = item.meta or _Meta()
    stated = (
        item.loaded_context_length,
        item.max_model_len,
        meta.n_ctx,
        item.context_length,
        item.context_window,
        item.max_context_length,
        item.max_input_tokens,
        item.input_limit,
        meta.n_ctx_train,
    )
    whole = (each for each in stated if isinstance(each, int) and not isinstance(each, bool))
    return next((each for each in whole if 0 < each <= MAX_WINDOW), None)
