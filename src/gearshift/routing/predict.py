"""Own the seam between learning and deciding: what any predictor must give.

Invariant: predictors give numbers with spread; policies choose. A predictor is pure and never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate


class Predictor(Protocol):
    """Forecast quality, cost and length of every deployment's answer to a request."""

    @property
    def version(self) -> str:
        """Give a short digest of the artefact, for the decision's record."""
        ...

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Give one estimate per deployment, in their order.

        `Estimate.cost` is None exactly where the deployment's price is. Never raises for a deployment that it has not
        seen in training: it answers with a prior and a wide `quality_std`.
        """
        ...
