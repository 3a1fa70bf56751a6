"""Own the list of what a caller may name: routers and models, in OpenAI's form with OpenRouter's further fields.

Source: https://platform.openai.com/docs/api-reference/models, https://openrouter.ai/docs/api-reference/list-available-models.
A router's `supported_parameters` are the union of its candidates', so that pickers do not hide `auto`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import msgspec

from gearshift.accounting import usd
from gearshift.catalog.spelling import Spellings
from gearshift.config.names import closest
from gearshift.types.catalog import Deployment, Price

_dumps = msgspec.json.Encoder().encode
Document: TypeAlias = dict[str, object]

_ALWAYS: Final = (
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "stream",
    "frequency_penalty",
    "presence_penalty",
)
_BY_CAPABILITY: Final = {
    "tools": ("tools", "tool_choice", "parallel_tool_calls"),
    "json_object": ("response_format",),
    "json_schema": ("response_format", "structured_outputs"),
    "reasoning": ("reasoning", "reasoning_effort"),
    "logprobs": ("logprobs", "top_logprobs"),
    "seed": ("seed",),
    "n": ("n",),
}
_OF_VECTORS: Final = ("dimensions", "encoding_format", "user")
_MODALITIES: Final = {"vision": "image", "audio": "audio", "files": "file"}
_PER_TOKEN: Final = 1_000_000
_CLOSE = 3


class Listing:
    """Hold the answers of `/v1/models` and `/v1/models/{id}`, made once."""

    def __init__(
        self, routers: Mapping[str, Iterable[Deployment]], models: Mapping[str, Iterable[Deployment]], created: int
    ) -> None:
        """Take what each router and each model may use; `created` is seconds since the epoch.

        A deployment can be named too, and is shown when asked for, but the list would be as long again with them.
        """
        documents = [_entry(name, "router", tuple(deployments), created) for name, deployments in routers.items()]
        documents += [_entry(name, "model", tuple(deployments), created) for name, deployments in models.items()]
        self.entries: dict[str, bytes] = {str(document["id"]): _dumps(document) for document in documents}
        self.bodies = {
            "openai_chat": b'{"object":"list","data":[' + b",".join(self.entries.values()) + b"]}",
            "anthropic_messages": _dumps(
                {
                    "data": [_for_anthropic(document) for document in documents],
                    "has_more": False,
                    "first_id": documents[0]["id"] if documents else None,
                    "last_id": documents[-1]["id"] if documents else None,
                }
            ),
            "gemini": _dumps({"models": [_for_gemini(document) for document in documents]}),
        }
        """The whole list, by the protocol that it is told in."""
        every = {each.id: each for deployments in models.values() for each in deployments}
        for name, deployment in every.items():
            self.entries.setdefault(name, _dumps(_entry(name, "deployment", (deployment,), created)))
        self._spellings = Spellings(every.values())

    def entry(self, protocol: str, name: str) -> bytes | None:
        """Show one model in a protocol's form, None where `name` denotes none, or several."""
        found = self.entries.get(name) or self._read(name)
        form = _FORMS.get(protocol)
        return found if found is None or form is None else _dumps(form(msgspec.json.decode(found)))

    def _read(self, name: str) -> bytes | None:
        meanings = self._spellings.find(name)
        return self.entries.get(meanings[0].name) if len(meanings) == 1 else None

    def miss(self, name: str) -> str:
        """Say that there is no such model, naming close matches."""
        near = closest(name, self.entries, _CLOSE, cutoff=0.5)
        hint = f"did you mean {' or '.join(repr(match) for match in near)}?" if near else "see GET /v1/models"
        return f"found no model {name[:100]!r}; {hint}"


def supported_parameters(deployments: Iterable[Deployment]) -> list[str]:
    """Give the request fields that at least one of `deployments` is known to understand."""
    deployments = tuple(deployments)
    if deployments and not any(each.chats for each in deployments):
        return list(_OF_VECTORS)
    known = {word for deployment in deployments for word in deployment.capabilities or ()}
    extra = {field for word in known for field in _BY_CAPABILITY.get(word, ())}
    return [*_ALWAYS, *sorted(extra)]


def _entry(
    name: str, kind: Literal["router", "model", "deployment"], deployments: tuple[Deployment, ...], created: int
) -> Document:
    windows = [each.context_window for each in deployments if each.context_window is not None]
    known = {word for each in deployments for word in each.capabilities or ()}
    modalities = ["text", *sorted(_MODALITIES[word] for word in known if word in _MODALITIES)]
    prices = [each.price for each in deployments if each.price is not None]
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "gearshift" if kind == "router" else deployments[0].provider.id,
        "context_length": max(windows, default=None),
        "architecture": {"input_modalities": modalities, "output_modalities": _outputs(deployments)},
        "supported_parameters": supported_parameters(deployments),
        "expiration_date": None if kind == "router" else _expiration(deployments),
        "pricing": _pricing(prices[0]) if kind != "router" and prices else None,
        "gearshift": {
            "kind": kind,
            "simulated": all(each.provider.simulated for each in deployments),
            "deployments": [each.id for each in deployments],
        },
    }


def _outputs(deployments: Iterable[Deployment]) -> list[str]:
    """Say what comes out, in OpenRouter's words ("Models API", `output_modalities`, 2026-11)."""
    found = {"text" for each in deployments if each.chats} | {"embeddings" for each in deployments if each.embeds}
    return sorted(found, reverse=True) or ["text"]


def _expiration(deployments: Iterable[Deployment]) -> str | None:
    """Give the day after which nobody serves a model any more; None: not known of all of its deployments."""
    days = [each.lifecycle.retires if each.lifecycle is not None else None for each in deployments]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _for_anthropic(document: Document) -> Document:
    """Show a model as Anthropic does (API reference, "List Models", 2026-11).

    A model of which an end is known is `deprecated`; whether it is retired only its provider can tell.
    """
    ends = document["expiration_date"]
    created = datetime.fromtimestamp(int(str(document["created"])), UTC).isoformat().replace("+00:00", "Z")
    return {
        "type": "model",
        "id": document["id"],
        "display_name": document["id"],
        "created_at": created,
        "lifecycle": "active" if ends is None else "deprecated",
        "retires_at": None if ends is None else f"{ends}T00:00:00Z",
        "max_input_tokens": document["context_length"],
        "max_tokens": None,
    }


def _for_gemini(document: Document) -> Document:
    """Show a model as Gemini's API does (API reference, "Models", 2026-11)."""
    window = document["context_length"]
    return {
        "name": f"models/{document['id']}",
        "version": "1",
        "displayName": document["id"],
        "supportedGenerationMethods": [
            method
            for output in msgspec.convert(document["architecture"], _Form).output_modalities
            for method in _METHODS[output]
        ],
        **({} if window is None else {"inputTokenLimit": window}),
    }


class _Form(msgspec.Struct):
    output_modalities: list[str]


_METHODS: Final = {
    "text": ("generateContent", "streamGenerateContent", "countTokens"),
    "embeddings": ("embedContent", "batchEmbedContents"),
}
_FORMS: Final[dict[str, Callable[[Document], Document]]] = {
    "anthropic_messages": _for_anthropic,
    "gemini": _for_gemini,
}


def _pricing(price: Price) -> dict[str, str | None]:
    """Show a price as OpenRouter does: US dollars per token, as strings."""

    def per_token(rate: int | None) -> str | None:
        if rate is None:
            return None
        whole, rest = divmod(rate, _PER_TOKEN)
        if rest == 0:
            return usd(whole)
        return f"{rate / _PER_TOKEN / 1e9:.15f}".rstrip("0")

    rates = price.rates
    return {
        "prompt": per_token(rates.input),
        "completion": per_token(rates.output),
        "input_cache_read": per_token(rates.cache_read),
        "input_cache_write": per_token(rates.cache_write),
        "source": price.source,
        "date": price.date,
    }
