"""Own which artefacts a config decides by, and their loading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gearshift.config import Config
from gearshift.config.routers import BUILTIN
from gearshift.errors import ConfigError, GearshiftError
from gearshift.learning import shelf
from gearshift.learning.artifact import builtin_path
from gearshift.routing.predict import Predictor


def load_predictors(config: Config) -> dict[str, Predictor]:
    """Load each artefact that a router names, once; raise ConfigError naming the routers whose artefact is broken."""
    predictors, faults = try_predictors(wanted(config))
    if faults:
        raise ConfigError(faults, source="the config's artefacts")
    return predictors


def wanted(config: Config) -> dict[str, str]:
    """Give the predictors that routers name, each by its place in the config."""
    return {
        f"routers.{name}.predictor": router.predictor
        for name, router in config.routers.items()
        if router.candidates is not None
    }


def try_predictors(wanted: Mapping[str, str]) -> tuple[dict[str, Predictor], list[str]]:
    """Load each predictor once, and say which cannot be; `wanted` are by their place in the config."""
    predictors: dict[str, Predictor] = {}
    faults: list[str] = []
    for place, predictor in wanted.items():
        if predictor in predictors:
            continue
        try:
            predictors[predictor] = shelf.load(predictor_path(predictor))
        except GearshiftError as error:
            faults.append(f"{place}: {error.message}")
    return predictors, faults


def predictor_path(predictor: str) -> Path:
    """Give the folder that a router's `predictor` means: an artefact, or a shelf of them."""
    return builtin_path() if predictor == BUILTIN else Path(predictor)
