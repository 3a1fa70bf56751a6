"""Own how routers come from a config: names become deployments, sections become policies and objectives.

Invariant: the table is closed: every name that a rule uses is in it, and no rules lead in a circle (`config` sees to
that).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gearshift.accounting import list_price
from gearshift.catalog import Catalog
from gearshift.config import Config, RouterConfig
from gearshift.config.routers import BUILTIN, AcceptConfig, CascadeStep
from gearshift.errors import ConfigError
from gearshift.routing.calibration import calibrated
from gearshift.routing.objective import referred_to
from gearshift.routing.policy import Best, Weighted
from gearshift.routing.predict import Predictor
from gearshift.routing.router import Router, RouterTable, Stage
from gearshift.routing.rules import Rule, compile_rule
from gearshift.types.catalog import Deployment
from gearshift.types.decision import Accept, AtMost, ByAgreement, ByJudge


def build_routers(config: Config, catalog: Catalog, predictors: Mapping[str, Predictor]) -> RouterTable:
    """Build the routers of `config`, and one for each model and each deployment.

    `predictors` are by the router's `predictor`; a router whose predictor is not there answers degraded. Raises
    ConfigError with every fault that only shows beside the catalogue.
    """
    return _Builder(config, catalog, predictors).table()


class _Builder:
    """Hold what routers are made of, and the faults found on the way."""

    def __init__(self, config: Config, catalog: Catalog, predictors: Mapping[str, Predictor]) -> None:
        self._config = config
        self._catalog = catalog
        self._predictors = predictors
        self._default = predictors.get(BUILTIN) or next(iter(predictors.values()), None)
        self._faults: list[str] = []

    def table(self) -> RouterTable:
        """Build all; raise ConfigError when there were faults."""
        names = [*(each.id for each in self._catalog.deployments), *self._catalog.models]
        named = {
            name: Router(
                name=name,
                deployments=self._tried(name),
                named=True,
                predictor=self._default,
                config=self._config.version,
            )
            for name in names
        }
        routers = {name: self._router(name, stated) for name, stated in self._config.routers.items()}
        if self._faults:
            raise ConfigError(self._faults, source="config")
        return RouterTable(routers, named)

    def _tried(self, name: str) -> tuple[Deployment, ...]:
        """Give what serves whoever names a model or deployment: a model's own first, then its fallbacks, each once."""
        stated = self._config.models.get(name)
        after = () if stated is None else stated.fallbacks
        found = {each.id: each for tried in (name, *after) for each in self._catalog.resolve(tried)}
        return tuple(found.values())

    def _router(self, name: str, stated: RouterConfig) -> Router:
        if stated.rules is not None:
            return Router(
                name=name, rules=self._rules(name), deployments=self._reach(name), config=self._config.version
            )
        if stated.cascade is not None:
            return self._cascade(name, stated.cascade)
        if stated.weights is not None:
            deployments = self._catalog.select(stated.weights)
            return Router(
                name=name,
                deployments=deployments,
                policy=Weighted(stated.weights),
                predictor=self._default,
                baseline=_dearest(deployments),
                config=self._config.version,
                stay=stated.session,
            )
        return self._predicting(name, stated)

    def _cascade(self, name: str, steps: Sequence[CascadeStep]) -> Router:
        stages = tuple(Stage(self._catalog.resolve(step.model), self._accept(step.accept)) for step in steps)
        deployments = tuple({each.id: each for stage in stages for each in stage.deployments}.values())
        return Router(
            name=name,
            deployments=deployments,
            cascade=stages,
            predictor=self._default,
            baseline=_dearest(stages[-1].deployments),
            config=self._config.version,
        )

    def _accept(self, stated: AcceptConfig | None) -> Accept | None:
        if stated is None:
            return None
        if stated.judge is not None:
            judges = self._catalog.resolve(stated.judge)
            return ByJudge(model=stated.judge, deployments=judges, min_score=stated.min_score or 0.0)
        return ByAgreement(samples=stated.samples or 2, min_agreement=stated.min_agreement or 1.0)

    def _predicting(self, name: str, stated: RouterConfig) -> Router:
        deployments = self._catalog.select(stated.candidates or ())
        referred = referred_to(stated.objective)
        reference = () if referred is None else self._catalog.resolve(referred)
        if isinstance(stated.objective, AtMost) and reference and all(each.price is None for each in reference):
            self._faults.append(
                f"routers.{name}.objective.at_most.model: found {referred}, whose price is not known, "
                "expected one that has a price; add it to its deployment"
            )
        predictor = self._predictors.get(stated.predictor)
        return Router(
            name=name,
            deployments=deployments,
            policy=Best(),
            objective=calibrated(stated.objective, predictor, deployments, reference),
            predictor=predictor,
            reference=reference,
            fallback=() if stated.fallback is None else self._catalog.resolve(stated.fallback),
            baseline=_dearest(reference or deployments),
            config=self._config.version,
            stay=stated.session,
        )

    def _rules(self, name: str) -> tuple[Rule, ...]:
        stated = self._config.routers[name].rules or ()
        return tuple(
            compile_rule(rule.when, rule.use, f"routers.{name}.rules[{number}]") for number, rule in enumerate(stated)
        )

    def _reach(self, name: str) -> tuple[Deployment, ...]:
        """Give every deployment that a router can choose, each once."""
        stated = self._config.routers.get(name)
        if stated is None:
            return self._tried(name)
        if stated.cascade is not None:
            return self._cascade(name, stated.cascade).deployments
        if stated.rules is None:
            return self._catalog.select(stated.candidates or stated.weights or ())
        found = {each.id: each for rule in stated.rules for each in self._reach(rule.use)}
        return tuple(found.values())


def _dearest(deployments: Sequence[Deployment]) -> str | None:
    """Give the id of the deployment with the highest list price, at three tokens of input to one of output.

    None when no price is known.
    """
    priced = [(list_price(each.price), each.id) for each in deployments if each.price is not None]
    return max(priced)[1] if priced else None
