"""Own the last check of an artefact before it serves: it must forecast, and in range, for every model that it knows.

Invariant: a trial is the production path (`routing.estimate`), so what passes it does not fail on its first request.
Finite parameters are not enough: a large one overflows where it is squared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gearshift.errors import ArtifactError
from gearshift.learning.features import as_request
from gearshift.learning.predictor import LearnedPredictor
from gearshift.routing.estimate import estimate
from gearshift.types.catalog import NANO_PER_USD, Deployment, Price, Provider, Rates

PROMPTS: Final = ("", "What is 17 * 23?", "def f(x):\n    return x  # why?\n" * 200)
_NOWHERE: Final = Provider(id="trial", protocol="openai_chat", base_url="http://127.0.0.1:1/v1")
_PRICE: Final = Price(rates=Rates(input=NANO_PER_USD, output=4 * NANO_PER_USD), source="trial")
_UNSEEN: Final = "a model that no artefact has seen"


def try_out(predictor: LearnedPredictor, *, source: str) -> None:
    """Forecast a few prompts for every model, and for one that was never seen; raise ArtifactError when one fails."""
    deployments = _deployments((*predictor.parameters.models, _UNSEEN))
    for prompt in PROMPTS:
        failure = estimate(predictor, as_request(prompt), deployments).failure
        if failure:
            raise ArtifactError(f"{source}: tried a forecast and found: {failure}")
    predictor.forget()  # all models at once are megabytes, and no router asks for them


def _deployments(models: Sequence[str]) -> list[Deployment]:
    return [Deployment(id=name, model=name, name=name, provider=_NOWHERE, price=_PRICE) for name in models]
