"""Own the JSON forms of decisions and attempts: one shape for answers, for `/v1/route`, for the CLI and for the log.

Money is shown in USD (a JSON number), None where it is unknown. Names are those of the public contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from gearshift.types.asking import Unmet
from gearshift.types.catalog import NANO_PER_USD, Deployment, NanoUSD
from gearshift.types.chat import Task
from gearshift.types.decision import (
    Accept,
    ByAgreement,
    ByJudge,
    Candidate,
    Decision,
    Flip,
    Health,
    Objective,
    Rejection,
    Speed,
    Standing,
)
from gearshift.types.record import Attempt, Loss

Scalar: TypeAlias = str | int | float | bool | None
Document: TypeAlias = "dict[str, Scalar | list[Document] | list[str] | Document]"


def usd(cost: NanoUSD | None) -> float | None:
    """Show nano-USD as USD."""
    return None if cost is None else cost / NANO_PER_USD


def decision(decided: Decision, flip: Flip | None = None, task: Task | None = None) -> Document:
    """Show a decision; `flip` (the smallest change that would have changed it) and `task` where they were computed."""
    return {
        "router": decided.router,
        "policy": decided.policy,
        "reason": decided.reason,
        "detail": decided.detail,
        "objective": objective(decided.objective),
        "predictor": decided.predictor,
        "config": decided.config,
        "chosen": decided.chosen.deployment.id if decided.plan else None,
        "propensity": decided.propensity,
        "steps": [accept(step.accept) for step in decided.plan] if any(each.accept for each in decided.plan) else None,
        "expected_cost_usd": usd(decided.expected_cost),
        "candidates": [candidate(option) for step in decided.plan for option in step.candidates],
        "rejected": [rejection(refused) for refused in decided.rejected],
        "unmet": [unmet(wish) for wish in decided.unmet],
        "task": task,
        "flip": {"would choose": flip.would_choose, "if": flip.condition} if flip else None,
        "baseline": decided.baseline,
        "standing": standing(decided.standing),
    }


def standing(at: Standing | None) -> Document | None:
    """Show where the conversation stood."""
    return None if at is None else {"deployment": at.deployment, "held_tokens": at.held, "moved": at.moved}


def objective(aim: Objective | None) -> Document | None:
    """Show an objective as the config spells it: `{"at_least": {"model": ..., ...}, "latency_price": ...}`.

    What was calibrated is shown with it.
    """
    if aim is None:
        return None
    fields: dict[str, Scalar] = msgspec.structs.asdict(aim)
    first, price = fields.pop("p95_first_token"), fields.pop("latency_price")
    said: Document = {key: each for key, each in fields.items() if each is not None and each is not False}
    shown: Document = {str(aim.__struct_config__.tag): said}
    if first is not None:
        shown["latency"] = {"p95_first_token": first}
    if price is not None:
        shown["latency_price"] = price
    return shown


def candidate(option: Candidate) -> Document:
    """Show a candidate with its estimate."""
    estimate = option.estimate
    return {
        "deployment": option.deployment.id,
        "simulated": option.deployment.provider.simulated,
        "quality": estimate.quality if estimate else None,
        "quality_std": estimate.quality_std if estimate else None,
        "cost_usd": usd(estimate.cost) if estimate else None,
        "latency_s": estimate.latency if estimate else None,
        "output_tokens": estimate.output_tokens if estimate else None,
        "latency_cost_usd": usd(option.latency_cost),
        "utility": option.utility,
    }


def accept(by: Accept | None) -> Document:
    """Show when the answer of a step is good enough, as the config spells it; empty: always."""
    match by:
        case ByJudge():
            return {"judge": by.model, "min_score": by.min_score}
        case ByAgreement():
            return {"samples": by.samples, "min_agreement": by.min_agreement}
        case None:
            return {}


def rejection(refused: Rejection) -> Document:
    """Show why a deployment was left out."""
    return {"deployment": refused.deployment, "reason": refused.reason, "detail": refused.detail}


def unmet(wish: Unmet) -> Document:
    """Show what the caller asked for and does not get."""
    return {"field": wish.field, "detail": wish.detail}


def refusal(decided: Decision) -> Document:
    """Show why nobody fits: a short form of the decision, for the error itself."""
    return {
        "router": decided.router,
        "detail": decided.detail,
        "objective": objective(decided.objective),
        "rejected": [rejection(refused) for refused in decided.rejected],
        "unmet": [unmet(wish) for wish in decided.unmet],
    }


def loss_of(lost: Loss) -> Document:
    """Show what became of a field that could not be carried as it was said."""
    return {"field": lost.field, "kind": lost.kind, "detail": lost.detail}


def attempt(made: Attempt) -> Document:
    """Show an attempt; times are seconds since the exchange began."""
    usage = made.usage
    return {
        "id": made.id,
        "purpose": made.purpose,
        "deployment": made.deployment.id,
        "model": made.deployment.model,
        "provider": made.deployment.provider.id,
        "upstream_model": made.upstream_model,
        "response_id": made.response_id,
        "status": made.status,
        "error": made.error,
        "detail": made.detail,
        "started_s": made.started,
        "first_token_s": made.first_token,
        "ended_s": made.ended,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cache_read_tokens": usage.cache_read_tokens if usage else None,
        "cache_write_tokens": usage.cache_write_tokens if usage else None,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "usage_estimated": usage.estimated if usage else None,
        "finish_reason": made.finish_reason,
        "cost_usd": usd(made.cost),
        "billing": made.billing,
        "losses": [loss_of(each) for each in made.losses],
    }


def deployments(
    each_of: Iterable[Deployment], health: Mapping[str, Health], speeds: Mapping[str, Speed]
) -> list[Document]:
    """Show deployments with their prices (US dollars per million tokens) and what is known of how they are doing."""
    shown: list[Document] = []
    for each in each_of:
        price, well, speed = each.price, health.get(each.id), speeds.get(each.id)
        shown.append(
            {
                "id": each.id,
                "model": each.model,
                "provider": each.provider.id,
                "context_window": each.context_window,
                "capabilities": None if each.capabilities is None else sorted(each.capabilities),
                "input_usd_per_million": None if price is None else usd(price.rates.input),
                "output_usd_per_million": None if price is None else usd(price.rates.output),
                "price_source": None if price is None else price.source,
                "price_date": None if price is None or price.date is None else str(price.date),
                "healthy": well is None or well.healthy,
                "health": None if well is None else well.detail,
                "error_rate": None if well is None else well.error_rate,
                "first_token_p50_s": None if speed is None or speed.first_token is None else speed.first_token.p50,
                "first_token_p95_s": None if speed is None or speed.first_token is None else speed.first_token.p95,
                "tokens_per_second": None if speed is None else speed.tokens_per_second,
            }
        )
    return shown
