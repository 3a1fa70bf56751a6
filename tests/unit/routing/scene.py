"""Own what the routing tests are played with: deployments, requests, a predictor that knows, and loaded dice."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from gearshift.types.catalog import CAPABILITIES, NANO_PER_USD, Deployment, Price, Provider, Rates
from gearshift.types.chat import Media, Message, Part, Request, Routing, Text
from gearshift.types.decision import Candidate, Estimate, Percentiles, Snapshot, Speed


def deployment(
    model: str,
    *,
    provider: str = "lab",
    usd: float | None = 1.0,
    capabilities: frozenset[str] | None = CAPABILITIES,
    context_window: int | None = 128_000,
    max_output_tokens: int | None = None,
) -> Deployment:
    """Make a deployment that charges `usd` for a million tokens, in and out."""
    rate = None if usd is None else round(usd * NANO_PER_USD)
    return Deployment(
        id=f"{provider}/{model}",
        model=model,
        name=model,
        provider=Provider(id=provider, protocol="openai_chat", base_url="http://127.0.0.1:1"),
        price=None if rate is None else Price(rates=Rates(input=rate, output=rate), source="config"),
        capabilities=capabilities,
        context_window=context_window,
        max_output_tokens=max_output_tokens,
    )


def estimate(quality: float, cost: int | None = 0, latency: float | None = None) -> Estimate:
    """Make an estimate; `cost` in nano-USD, `latency` in seconds."""
    return Estimate(quality=quality, quality_std=0.1, cost=cost, output_tokens=100.0, latency=latency)


def takes(latency: float | None) -> Estimate:
    """Make an estimate of which only the latency matters."""
    return estimate(0.5, 0, latency)


def begins(seconds: float, *, tokens_per_second: float | None = None) -> Speed:
    """Make a speed with which every stream begins after `seconds`."""
    first = Percentiles(p50=seconds, p75=seconds, p90=seconds, p95=seconds, p99=seconds)
    return Speed(first_token=first, tokens_per_second=tokens_per_second)


def candidate(
    model: str, *, provider: str = "lab", usd: float | None = 1.0, found: Estimate | None = None
) -> Candidate:
    """Make a candidate, by default without an estimate."""
    return Candidate(deployment=deployment(model, provider=provider, usd=usd), estimate=found)


def request(model: str = "auto", text: str = "hello", *, routing: Routing | None = None) -> Request:
    """Make a request of one user turn."""
    return Request(model=model, messages=(says(Text(text=text)),), routing=routing or Routing())


def says(*parts: Part) -> Message:
    """Make a user turn."""
    return Message(role="user", parts=parts)


IMAGE = Media(kind="image", url="https://example.org/cat.png")


def world(*deployments: Deployment, speeds: dict[str, Speed] | None = None) -> Snapshot:
    """Make a snapshot in which all is well."""
    return Snapshot(now=0.0, deployments=deployments, speeds=speeds or {})


def ids(candidates: Sequence[Candidate]) -> list[str]:
    """Name candidates in their order."""
    return [each.deployment.id for each in candidates]


class Oracle(Struct, frozen=True):
    """Predict what it was told; models that it was not told of are a coin toss at no cost."""

    estimates: dict[str, Estimate]
    version: str = "oracle-1"

    def predict(self, _request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Look up each deployment by id, then by model."""
        default = estimate(0.5)
        return [self.estimates.get(each.id) or self.estimates.get(each.model, default) for each in deployments]


class Broken:
    """Fail whatever it is asked."""

    version = "broken-1"

    def predict(self, request: Request, _deployments: Sequence[Deployment]) -> list[Estimate]:
        """Raise an error that quotes the prompt, as errors do."""
        raise RuntimeError(str(request.messages))


class Loaded:
    """Be dice that show the same number every time."""

    def __init__(self, shows: float = 0.0) -> None:
        """Load them with `shows`, in [0, 1)."""
        self._shows = shows

    def random(self) -> float:
        """Show it."""
        return self._shows
