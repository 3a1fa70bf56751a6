"""Own what can be called: providers, models, prices and deployments.

Invariant: an unknown price, window or capability is None, never 0 and never "yes".
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

NanoUSD: TypeAlias = int
NANO_PER_USD: Final = 1_000_000_000
NanoUSDPerMillion: TypeAlias = int
"""Price of a million tokens: $0.10 is 100_000_000. Integers, so that rounding happens once, at the attempt's cost."""
Seconds: TypeAlias = float
AuthKind: TypeAlias = Literal["key", "google", "google_metadata", "entra", "managed_identity", "sigv4"]
"""How a call proves who we are: a key that is sent along, a token that is asked for, a signature."""
Prefill: TypeAlias = Literal["none", "message", "prefix", "prefix_echoed", "partial", "continue"]
"""How a provider goes on with the beginning of an answer, which is the last turn of the conversation.

`message`: it is told nothing else, and takes no white space at its end. `prefix`, `partial`: the turn has that member,
true. `continue`: the request has `continue_final_message`. The answer is what follows the beginning; `prefix_echoed`:
the beginning too. `none`: not known to.
"""
OnCancel: TypeAlias = Literal["estimate", "drain", "free"]
"""What a provider asks for an answer whose caller left, so that we do not want the rest.

`estimate`: what it has made, which it does not tell. `drain`: the whole answer, made or not, so that its rest is read
for what it says of its usage. `free`: nothing.
"""

CAPABILITIES: Final = frozenset(
    {
        "tools",
        "vision",
        "audio",
        "files",
        "json_object",
        "json_schema",
        "reasoning",
        "logprobs",
        "n",
        "seed",
        "embeddings",
        "chat",
    }
)
"""Every capability word that a config or the catalogue may state.

A model with `embeddings` makes vectors, and is taken to answer no conversation unless `chat` stands beside it; without
`embeddings` every model is taken to chat.
"""


class Rates(Struct, frozen=True, kw_only=True):
    """Hold prices per million tokens. `cache_read`/`cache_write` None: charged as `input`.

    `cache_write_1h` is for what is kept for an hour, not for minutes; None: charged as `input` where `cache_write` is,
    else not known.
    """

    input: NanoUSDPerMillion
    output: NanoUSDPerMillion
    cache_read: NanoUSDPerMillion | None = None
    cache_write: NanoUSDPerMillion | None = None
    cache_write_1h: NanoUSDPerMillion | None = None


class Tier(Struct, frozen=True, kw_only=True):
    """Hold the rates that hold for the whole request once its input exceeds `above_input_tokens`."""

    above_input_tokens: int
    rates: Rates


class Price(Struct, frozen=True, kw_only=True):
    """Hold what a deployment charges, and where that was learned.

    `tiers` ascend by threshold. `source` is a name such as `genai-prices 0.2.3` or `config`;
    `date` is ISO (the day of the source) or None.
    """

    rates: Rates
    tiers: tuple[Tier, ...] = ()
    source: str
    date: str | None = None


EXTENSIONS: Final = (
    "cache_control",
    "plugins",
    "provider",
    "providerOptions",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "top_k",
    "transforms",
)
"""Words beyond OpenAI's that a provider may understand: OpenRouter, "Reasoning tokens", "Prompt caching", "Provider
routing", "Plugins"; Vercel, "Provider options"; DeepSeek, "Thinking mode" (2026-11)."""
QUANTIZATIONS: Final = ("int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32")
"""Every word for how precisely weights are kept (OpenRouter, "Provider routing", `quantizations`, read 2026-11)."""


MEDIA_KINDS: Final = ("image", "audio", "file")
"""Every kind of media."""


class Terms(Struct, frozen=True, kw_only=True):
    """Hold on which terms a deployment serves; None: not known, which satisfies no wish.

    `data_collection` is `deny` where prompts are neither kept nor trained on. `zdr`: they are not retained at all.
    `distillable`: its answers may be trained on. `quantization` is a word of `QUANTIZATIONS`.
    """

    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    distillable: bool | None = None
    quantization: str | None = None


class Quirks(Struct, frozen=True, kw_only=True):
    """Hold how a provider departs from its protocol; each row in `providers.toml` states its source and date."""

    max_tokens_field: str = "max_tokens"
    stream_usage: bool = True
    """Understands `stream_options.include_usage`."""
    extensions: tuple[str, ...] = ()
    """Words beyond its protocol that it understands, of `EXTENSIONS`."""
    drops: tuple[str, ...] = ()
    """Request fields that it refuses; sending one is refused with an error that names the field."""
    needs_bytes: tuple[str, ...] = ()
    """Kinds of media, of `MEDIA_KINDS`, that it takes by their bytes only, where its protocol has URLs for them."""
    caches_from: int | None = None
    """Tokens from which on it caches every prompt unasked; None: it does not, or that is not known."""
    path: str | None = None
    """Where requests go in place of the protocol's own path; `{model}` stands for the model, which the body then does
    not name."""
    stream_path: str | None = None
    """As `path`, for an answer that is streamed."""
    anthropic_version: str | None = None
    """The version that the body of an Anthropic request states."""
    prefill: Prefill = "none"
    prefill_models: tuple[str, ...] = ()
    """What the names of the models have in them that `prefill` is of; none: it is of all."""
    prefill_path: str | None = None
    """Where requests with the beginning of an answer go, from the root of the host; None: where all go."""
    on_cancel: OnCancel = "estimate"


class Provider(Struct, frozen=True, kw_only=True):
    """Hold an endpoint: protocol, base URL and how to authenticate.

    `auth` says how a call proves who we are: `key`, or what `parts` are for. `key` and each of the `parts` are
    references (`env:NAME` or `file:PATH`), never the secret itself. `simulated` providers are labelled so wherever they
    show.
    """

    id: str
    protocol: str
    base_url: str
    key: str | None = None
    key_header: str = "authorization"
    key_query: str | None = None
    """The parameter of the URL's query that carries the key, in place of a header."""
    auth: AuthKind = "key"
    parts: tuple[tuple[str, str], ...] = ()
    """Where the parts of the credential are, by their names in the config's `auth`."""
    region: str | None = None
    """The cloud's region that is called."""
    price_id: str | None = None
    """The provider's id in genai-prices."""
    quirks: Quirks = Quirks()
    simulated: bool = False
    lists: tuple[str, ...] = ()
    """Where it lists its models, relative to `base_url`, the best place first; nowhere: it is not asked."""


class Lifecycle(Struct, frozen=True, kw_only=True):
    """Hold what is known of a model's end at its provider.

    `retires` is the ISO day on which the provider stops to serve it, None where only its deprecation is known.
    """

    retires: str | None = None
    source: str


class Deployment(Struct, frozen=True, kw_only=True):
    """Hold a model at a provider at a price: the unit that is chosen.

    `id` is `provider/model`; `name` is what the provider calls the model. `capabilities` None: not known.
    `context_window` and `max_output_tokens` are tokens, None: not known. `lifecycle` None: nothing is known of its end.
    `only_snapshot` is the dated name of the one snapshot that the catalogue knows of it.
    """

    id: str
    model: str
    name: str
    provider: Provider
    price: Price | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    capabilities: frozenset[str] | None = None
    lifecycle: Lifecycle | None = None
    only_snapshot: str | None = None
    terms: Terms = Terms()

    @property
    def embeds(self) -> bool:
        """Say whether it is known to make vectors."""
        return self.capabilities is not None and "embeddings" in self.capabilities

    @property
    def prefill(self) -> Prefill:
        """Say how it goes on with the beginning of an answer."""
        quirks = self.provider.quirks
        known = not quirks.prefill_models or any(each in self.name for each in quirks.prefill_models)
        return quirks.prefill if known else "none"

    @property
    def chats(self) -> bool:
        """Say whether it is taken to answer conversations."""
        return not self.embeds or (self.capabilities is not None and "chat" in self.capabilities)
