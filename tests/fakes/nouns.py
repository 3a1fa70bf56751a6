"""Own short ways to make nouns: a test states what it is about and leaves the rest to these defaults."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gearshift.types.catalog import Deployment, Price, Provider, Rates
from gearshift.types.chat import Message, Request, Text, Usage
from gearshift.types.decision import Candidate, Decision, Estimate, Step
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Attempt, Exchange

USD_PER_MILLION = 1_000_000_000
PRICE = Price(rates=Rates(input=1 * USD_PER_MILLION, output=2 * USD_PER_MILLION), source="config")
"""A dollar per million tokens in, two out: a token in is 1,000 nano-USD, a token out 2,000."""
SECRET = "sk-upstream-secret"
USAGE = Usage(input_tokens=10, output_tokens=5)


def provider(name: str = "lab", base_url: str = "http://127.0.0.1:1/v1", **changes: object) -> Provider:
    made = Provider(id=name, protocol="openai_chat", base_url=base_url, key="env:LAB_KEY")
    return msgspec.structs.replace(made, **changes)


def deployment(
    model: str = "small", of: Provider | None = None, *, price: Price | None = PRICE, **changes: object
) -> Deployment:
    of = of or provider()
    made = Deployment(id=f"{of.id}/{model}", model=model, name=f"{model}-v1", provider=of, price=price)
    return msgspec.structs.replace(made, **changes)


def decision(*deployments: Deployment, quality: float | None = None, **changes: object) -> Decision:
    guess = None if quality is None else Estimate(quality=quality, quality_std=0.1, cost=1000, output_tokens=5.0)
    options = tuple(Candidate(deployment=each, estimate=guess) for each in deployments or (deployment(),))
    made = Decision(
        router="auto", plan=(Step(candidates=options),), rejected=(), policy="fixed", reason="named", propensity=1.0
    )
    return msgspec.structs.replace(made, **changes)


def request(text: str = "Hello", **changes: object) -> Request:
    made = Request(model="auto", messages=(Message(role="user", parts=(Text(text=text),)),))
    return msgspec.structs.replace(made, **changes)


def attempt(number: int = 1, **changes: object) -> Attempt:
    made = Attempt(
        id=f"x-{number}",
        deployment=deployment(),
        started=0.0,
        first_token=0.5,
        ended=1.0,
        status=200,
        usage=USAGE,
        cost=20_000,
        billing="billed",
        upstream_model="small-2026",
        response_id="chatcmpl-1",
        finish_reason="stop",
    )
    return msgspec.structs.replace(made, **changes)


def failed(number: int = 1, error: str = "upstream_refused", **changes: object) -> Attempt:
    bare = attempt(number, first_token=None, status=500, usage=None, cost=0, billing="not_billed", error=error)
    nothing = {"upstream_model": None, "response_id": None, "finish_reason": None}
    return msgspec.structs.replace(bare, **{**nothing, **changes})


def exchange(name: str = "x", attempts: Sequence[Attempt] | None = None, **changes: object) -> Exchange:
    made = Exchange(
        id=name,
        created=100.0,
        protocol="openai_chat",
        path="/v1/chat/completions",
        requested_model="auto",
        key=None,
        stream=False,
        outcome="completed",
        status=200,
        error=None,
        decision=decision(),
        attempts=(attempt(),) if attempts is None else tuple(attempts),
        cost=20_000,
        baseline_cost=None,
        duration=1.0,
        first_token=0.5,
        overhead=0.001,
    )
    return msgspec.structs.replace(made, **changes)


def ledger_row(number: int = 1, **changes: object) -> LedgerRow:
    made = LedgerRow(
        id=f"x-{number}",
        exchange_id="x",
        created=100.0,
        ended=101.0,
        deployment="lab/small",
        model="small",
        provider="lab",
        key=None,
        team=None,
        user_id=None,
        router="auto",
        tags=None,
        purpose="answer",
        state="finished",
        status=200,
        error=None,
        billing="billed",
        estimated=False,
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        cost=20_000,
        bound=50_000,
    )
    return msgspec.structs.replace(made, **changes)


def under_way(number: int = 1, **changes: object) -> LedgerRow:
    """Give the row of an attempt that has begun and of which nothing more is known."""
    nothing = dict.fromkeys(
        ("ended", "status", "estimated", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    )
    bare = ledger_row(number, **nothing, reasoning_tokens=None, cost=None, state="unknown", billing="maybe_billed")
    return msgspec.structs.replace(bare, **changes)
