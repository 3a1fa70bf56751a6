"""Own asking a predictor: what it answers is checked before anything is decided by it.

Invariant: either every deployment has a valid estimate, or none has and `failure` says why; nothing is raised.
A predictor is learned from data, and a gateway that cannot decide well must still answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TypeAlias

from msgspec import Struct

from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate

Option: TypeAlias = tuple[Deployment, Estimate | None]


class Estimates(Struct, frozen=True, kw_only=True):
    """Hold deployments, each with its estimate; with a `failure`, or when none were asked for, each with None.

    `failure` holds no text of the request or of an exception; "" when there was none.
    """

    options: list[Option]
    failure: str = ""


def estimate(predictor: Predictor | None, request: Request, deployments: Sequence[Deployment]) -> Estimates:
    """Ask `predictor` about `deployments`; the answer has their order."""
    if predictor is None:
        return _failed(deployments, "no predictor is loaded; the log says why")
    try:
        found = predictor.predict(request, deployments)
        failure = _fault(found, deployments)
    except Exception as error:  # noqa: BLE001 - whatever a learned artefact does wrong, the caller gets an answer
        return _failed(deployments, f"the predictor failed with {type(error).__name__}; check its artefact")
    if failure:
        return _failed(deployments, failure)
    return Estimates(options=list(zip(deployments, found, strict=True)))


def unasked(deployments: Sequence[Deployment]) -> Estimates:
    """Give `deployments` without estimates, where nothing depends on them."""
    return Estimates(options=[(deployment, None) for deployment in deployments])


def _failed(deployments: Sequence[Deployment], failure: str) -> Estimates:
    return Estimates(options=[(deployment, None) for deployment in deployments], failure=failure)


def _fault(found: Sequence[Estimate], deployments: Sequence[Deployment]) -> str:
    """Say what is wrong with an answer, "" when nothing is; raises where it is not made of estimates at all."""
    if len(found) != len(deployments):
        return f"the predictor gave {len(found)} estimates for {len(deployments)} deployments; check its artefact"
    for deployment, each in zip(deployments, found, strict=True):
        if not _is_valid(each):
            return f"the predictor's estimate for {deployment.id} is out of range; train it again"
    return ""


def _is_valid(found: Estimate) -> bool:
    """Say whether all numbers are in range; NaN is in none."""
    return (
        0.0 <= found.quality <= 1.0
        and 0.0 <= found.quality_std < inf
        and (found.cost is None or 0 <= found.cost < inf)
        and 0.0 <= found.output_tokens < inf
        and (found.latency is None or 0.0 <= found.latency < inf)
    )
