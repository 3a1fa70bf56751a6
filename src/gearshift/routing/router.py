"""Own routers, and the table that finds who decides on a request: by name, through rules.

Invariant: a table is closed. Every name that a rule uses is in it, and no rules lead in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.catalog.spelling import Meaning, Spellings
from gearshift.config.names import closest
from gearshift.errors import InvalidRequest, UnknownModel
from gearshift.routing.policy import Fixed, Policy
from gearshift.routing.predict import Predictor
from gearshift.routing.rules import Rule
from gearshift.types.asking import Constraint, Unmet
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request, Sort
from gearshift.types.decision import Accept, AtLeast, AtMost, Budget, MinQuality, Objective, Settled, Stay
from gearshift.types.embedding import Asked, EmbeddingRequest

SUFFIXES: Final[dict[str, Sort]] = {":nitro": "throughput", ":floor": "price"}
"""What OpenRouter's shortcuts behind a name stand for: `provider.sort` ("Model variants", read 2026-11)."""
EXACTO: Final = ":exacto"
"""Its shortcut for a sort by the quality of tool calls, which nothing here measures."""
VARIANTS: Final[dict[str, str]] = {
    ":batch": "a model of its own there, at the price of a batch",
    ":beta": "a model of its own there, without moderation",
    ":extended": "a model of its own there, with a longer context",
    ":free": "a model of its own there, without a price and with low limits",
    ":online": "a search of the web before the model, which Gearshift does not do",
    ":thinking": "a model of its own there, which thinks unasked; say reasoning_effort",
}
"""Its other suffixes ("Model variants" and FAQ, read 2026-11-27), and what they mean."""
_SHOWN_CHARACTERS: Final = 100
_SHOWN_NAMES: Final = 3


class Stage(Struct, frozen=True):
    """Hold a step of a cascade: who answers, and when that is good enough; None: always."""

    deployments: tuple[Deployment, ...]
    accept: Accept | None = None


class Router(Struct, frozen=True, kw_only=True):
    """Hold a named way to decide: rules, or deployments with a policy.

    With rules or a `cascade`, `deployments` are all that these can lead to.
    `named`: stands for a model or deployment that the caller names. `predictor` is asked when there is an `objective`
    or the caller limits the cost; None: it could not be loaded. `reference` holds the deployments that the objective
    compares with, `fallback` those that serve when the predictor fails. `baseline` is the deployment id that savings
    are stated against, `config` a digest, `stay` how long a conversation keeps its model. `resolve` fills in `via` (the
    rule that led here, or that none did), `after` (the caller's `models`), `sort` (what a suffix behind a name stands
    for), `spelled` (which names were read how) and `unmet` (a suffix that stands for nothing here), and puts the
    caller's `constraint` in the place of an `objective`.
    """

    name: str
    deployments: tuple[Deployment, ...] = ()
    policy: Policy = Fixed()
    named: bool = False
    objective: Objective | None = None
    predictor: Predictor | None = None
    reference: tuple[Deployment, ...] = ()
    fallback: tuple[Deployment, ...] = ()
    rules: tuple[Rule, ...] = ()
    cascade: tuple[Stage, ...] = ()
    baseline: str | None = None
    config: str = ""
    stay: Stay = "turn"
    via: str = ""
    after: tuple[Deployment, ...] = ()
    sort: Sort | None = None
    spelled: str = ""
    unmet: tuple[Unmet, ...] = ()


class RouterTable:
    """Find the router of a request."""

    def __init__(self, routers: Mapping[str, Router], named: Mapping[str, Router]) -> None:
        """Take the config's routers, and those that stand for a model or deployment, each by its name."""
        self.routers: Final = dict(routers)
        self._all: Final = {**named, **routers}
        self._spellings: Final = Spellings(
            {each.id: each for router in named.values() for each in router.deployments}.values()
        )

    @property
    def budgets(self) -> dict[str, Budget]:
        """Give the budgets of the routers that have one."""
        return {name: each.objective for name, each in self.routers.items() if isinstance(each.objective, Budget)}

    def resolve(self, request: Asked) -> Router:
        """Find who decides on `request`, following rules to their target.

        With `request.routing.models` the deployments of these follow: behind all of a named model's, behind the first
        choice of any other router. A suffix holds for the whole request, whichever name it stands behind. A router of
        which no rule matches has nobody to choose from. Raises UnknownModel and InvalidRequest.

        A request for vectors follows no rules: a condition that led one text here and another there would mix vectors
        of two models. It gets all that its router and `models` can reach.
        """
        if isinstance(request, EmbeddingRequest):
            return self._reached(request)
        router, via = self._follow(request)
        if router.rules:
            return msgspec.structs.replace(router, deployments=(), via=via)
        if request.routing.constraint is not None:
            router = self._constrained(router, request.routing.constraint)
        after, read = self._after(request) if request.routing.models else ((), "")
        sort = self._sort(request)
        if router.named and after:
            own = {deployment.id for deployment in router.deployments}
            every = (*router.deployments, *(each for each in after if each.id not in own))
            router, after = msgspec.structs.replace(router, deployments=every), ()
        spelled, left = "; ".join(filter(None, (router.spelled, read))), self._unmet(request)
        if not (via or after or sort or spelled or left):
            return router
        return msgspec.structs.replace(router, via=via, after=after, sort=sort, spelled=spelled, unmet=left)

    def _reached(self, request: EmbeddingRequest) -> Router:
        router, (after, read) = self._find(request.model, "model"), self._after(request)
        every = {each.id: each for each in (*router.deployments, *after)}
        return msgspec.structs.replace(
            router,
            deployments=tuple(every.values()),
            rules=(),
            after=(),
            sort=self._sort(request),
            spelled="; ".join(filter(None, (router.spelled, read))),
            unmet=self._unmet(request),
        )

    def _constrained(self, router: Router, asked: Constraint) -> Router:
        """Put the caller's constraint in the place of the objective; a router without one keeps what it is.

        What the router's objective says of latency holds for the constraint too.
        """
        reference = () if asked.model is None else self._reference(asked.model, asked.of)
        own = router.objective
        if own is None:
            return router
        aim = _aim(asked)
        aim = msgspec.structs.replace(aim, p95_first_token=own.p95_first_token, latency_price=own.latency_price)
        return msgspec.structs.replace(router, objective=aim, reference=reference)

    def _reference(self, name: str, of: str) -> tuple[Deployment, ...]:
        """Give the deployments of the model that a constraint compares with."""
        field = f"routing_constraint.{of}_constraint.model_name"
        found = self._find(name, field)
        if not found.named:
            raise InvalidRequest(f"{field}: found the router {found.name}, expected a model or deployment", param=field)
        if of == "cost" and all(each.price is None for each in found.deployments):
            problem = f"found {found.name}, whose price is not known, expected one that has a price"
            raise InvalidRequest(f"{field}: {problem}; state it in the config, or a numeric_value", param=field)
        return found.deployments

    def _unmet(self, request: Asked) -> tuple[Unmet, ...]:
        """Name the suffixes that stand for nothing here."""
        names = [name for name in (request.model, *request.routing.models) if name.endswith(EXACTO)]
        detail = "Gearshift measures no quality of tool calls, so nothing was sorted by it"
        return tuple(Unmet(field=name[:_SHOWN_CHARACTERS], detail=detail) for name in names if name not in self._all)

    def _follow(self, request: Request) -> tuple[Router, str]:
        """Follow the rules to who decides, and say which led there.

        A model that a rule names stands there under the name of the rule's router: it was that one's choice.
        """
        router, via = self._find(request.model, "model"), ""
        for _ in self.routers:  # no rules lead in a circle, so nobody is met twice
            if not router.rules:
                break
            rule = next((rule for rule in router.rules if rule.when(request)), None)
            if rule is None:
                return router, f"no rule of router {router.name} matches; add one without `when`"
            target, via = self._all[rule.use], f"{rule.where} led to {rule.use}"
            router = msgspec.structs.replace(target, name=router.name) if target.named else target
        return router, via

    def _after(self, request: Asked) -> tuple[tuple[Deployment, ...], str]:
        """Give the deployments of the caller's fallback models, in order, each once, and how their names were read."""
        found: dict[str, Deployment] = {}
        read: list[str] = []
        own = self._bare(request.model)[0]
        for number, name in enumerate(request.routing.models):
            if self._bare(name)[0] == own:
                continue
            router = self._find(name, f"models[{number}]")
            if not router.named:
                raise InvalidRequest(
                    f"models[{number}] names the router {router.name}, expected a model or deployment; "
                    "a router can only stand first, in `model`",
                    param="models",
                )
            read.append(router.spelled)
            found.update((deployment.id, deployment) for deployment in router.deployments)
        return tuple(found.values()), "; ".join(filter(None, read))

    def _bare(self, name: str) -> tuple[str, Sort | None]:
        """Part a name from its suffix; a name that somebody has is whole."""
        bare, colon, suffix = name.rpartition(":")
        mark = colon + suffix
        if name in self._all or (mark != EXACTO and mark not in SUFFIXES):
            return name, None
        return bare, SUFFIXES.get(mark)

    def _sort(self, request: Asked) -> Sort | None:
        """Find what the suffixes stand for; they must agree with each other and with `provider.sort`."""
        fields = [
            ("model", request.model),
            *((f"models[{at}]", name) for at, name in enumerate(request.routing.models)),
        ]
        found = request.routing.sort
        for field, name in fields:
            sort = self._bare(name)[1]
            if sort is not None and found is not None and sort != found:
                problem = (
                    f"its suffix sorts by {sort}, but the request is also to be sorted by {found}; say one of them"
                )
                raise InvalidRequest(f"{field}: {problem}", param=field.partition("[")[0])
            found = found or sort
        return None if request.routing.sort else found

    def _find(self, stated: str, field: str) -> Router:
        name = self._bare(stated)[0]
        router = self._all.get(name)
        if router is not None:
            return router
        meanings = self._spellings.find(name)
        if len(meanings) == 1:
            (meant,) = meanings
            return msgspec.structs.replace(
                self._all[meant.model], deployments=meant.deployments, spelled=f"{field}: {meant.told}"
            )
        raise UnknownModel(f"{field}: {self._miss(name, meanings)}", param=field.partition("[")[0])

    def _miss(self, name: str, meanings: Sequence[Meaning]) -> str:
        """Say that nobody is meant, or that several could be."""
        shown = name[:_SHOWN_CHARACTERS]
        if meanings:
            found = " and ".join(each.model for each in meanings[:_SHOWN_NAMES])
            return f"{shown!r} may be any of {len(meanings)} models: {found}; name one of them"
        bare, colon, suffix = name.rpartition(":")
        if bare in self._all and (meaning := VARIANTS.get(colon + suffix)) is not None:
            hint = (
                f"at OpenRouter {colon}{suffix} is {meaning}; leave it out, or give a model of that name a deployment"
            )
            return f"no router, model or deployment is called {shown!r}; {hint}"
        near = [*self._spellings.near(name), *closest(shown, self._all, _SHOWN_NAMES)]
        hint = " or ".join(list(dict.fromkeys(near))[:_SHOWN_NAMES])
        hint = f"did you mean {hint}?" if hint else "GET /v1/models lists them"
        return f"no router, model or deployment is called {shown!r}; {hint}"


def _aim(asked: Constraint) -> Settled:
    """Give the objective that a constraint states."""
    if asked.of == "cost":
        return AtMost(model=asked.model, usd_per_1k_requests=None if asked.number is None else asked.number * 1_000)
    return AtLeast(model=asked.model) if asked.model is not None else MinQuality(quality=asked.number or 0.0)
