"""Own eligibility: which deployments can serve a request at all, and why the others cannot.

Invariant: every deployment comes out once, as fitting or with the first reason against it. The order of reasons: the
caller's own lists and demands, what only one provider keeps, capabilities, context window, health, price; cost comes
later, when it has been estimated.
A caller who names a model gets it: then only the caller's lists and demands, health, and whether it makes what is asked
for (an answer, a vector) count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from gearshift import accounting, tokens
from gearshift.routing.check import Check, part, reject, some
from gearshift.routing.estimate import Option
from gearshift.routing.parameters import required
from gearshift.routing.purpose import chats, embeds, holds_each
from gearshift.routing.session import bound
from gearshift.routing.terms import demands
from gearshift.types.access import Granted
from gearshift.types.catalog import CAPABILITIES, Deployment, NanoUSD
from gearshift.types.chat import TRUNCATED, Media, Message, Request, Routing, Text, ToolCall, ToolResult
from gearshift.types.decision import Health, Rejection, Snapshot, Standing
from gearshift.types.embedding import Asked, EmbeddingRequest

_MEDIA_NEEDS: Final = {"image": "vision", "audio": "audio", "file": "files"}


def needs(request: Request) -> set[str]:
    """Give the capabilities (words of `CAPABILITIES`) without which `request` cannot be answered as asked.

    `seed` is no need: providers that do not know it answer all the same.
    """
    sampling, form = request.sampling, request.response_format
    found = _parts_need(request.messages)
    if request.tools:
        found.add("tools")
    if form is not None and form.kind != "text":
        found.add(form.kind)
    if sampling.logprobs or sampling.top_logprobs:
        found.add("logprobs")
    if sampling.n is not None and sampling.n > 1:
        found.add("n")
    if sampling.reasoning_effort is not None:
        found.add("reasoning")
    return found


def split(
    request: Asked, deployments: Sequence[Deployment], snapshot: Snapshot, *, named: bool = False
) -> tuple[list[Deployment], list[Rejection]]:
    """Part `deployments` into those that fit, in their order, and the rejections of the others.

    `named`: the caller named them, so what it needs, its length and their price are not asked, but what it demands is.
    """
    checks = _checks(request, deployments, snapshot, named=named)
    return part(deployments, checks) if checks else (list(deployments), [])


def affordable(options: Iterable[Option], max_cost: NanoUSD) -> tuple[list[Option], list[Rejection]]:
    """Part options into those expected to cost at most `max_cost` nano-USD and the rejections of the others.

    An unknown cost is rejected: the caller's limit could not be kept.
    """
    kept: list[Option] = []
    rejections: list[Rejection] = []
    for deployment, estimate in options:
        rejection = too_dear(deployment, None if estimate is None else estimate.cost, max_cost)
        if rejection is None:
            kept.append((deployment, estimate))
        else:
            rejections.append(rejection)
    return kept, rejections


def too_dear(deployment: Deployment, cost: NanoUSD | None, max_cost: NanoUSD) -> Rejection | None:
    """Hold an expected cost to the request's limit."""
    if cost is not None and cost <= max_cost:
        return None
    limit = f"the request's limit of ${accounting.usd(max_cost)}"
    if cost is None:
        detail = f"its cost cannot be estimated, so {limit} cannot be kept; ask without one"
    else:
        detail = f"it is expected to cost ${accounting.usd(cost)}, above {limit}; raise that or shorten the request"
    return reject(deployment, "max_cost", detail)


def _parts_need(messages: Iterable[Message]) -> set[str]:
    """Give what the parts of a conversation need; a tool result may hold media."""
    found: set[str] = set()
    for message in messages:
        for piece in message.parts:
            if isinstance(piece, Text):
                continue
            if isinstance(piece, Media):
                found.add(_MEDIA_NEEDS[piece.kind])
            elif isinstance(piece, ToolResult):
                found.add("tools")
                found.update(_MEDIA_NEEDS[inner.kind] for inner in piece.parts if isinstance(inner, Media))
            elif isinstance(piece, ToolCall):
                found.add("tools")
    return found


def _checks(request: Asked, deployments: Sequence[Deployment], snapshot: Snapshot, *, named: bool) -> list[Check]:
    """Give the checks that this request can fail: most requests can only fail the one of price."""
    checks = [*_lists(request.routing, named=named), *demands(request)]
    if not isinstance(request, EmbeddingRequest):
        checks += _answering(request, deployments, snapshot.standing, named=named)
    else:
        checks += [embeds] if named else [embeds, holds_each(request)]
    if snapshot.health:
        checks.append(_health(snapshot.health))
    if not named:
        checks.append(_price)
    return checks


def _answering(
    request: Request, deployments: Sequence[Deployment], standing: Standing | None, *, named: bool
) -> Iterator[Check]:
    """Give the checks of who is to answer a conversation."""
    if request.routing.require_parameters:
        yield required(request)
    if not all(each.chats for each in deployments):
        yield chats
    if (keeps := bound(request, standing, named=named)) is not None:
        yield keeps
    if named:
        return
    if needed := needs(request):
        yield _capabilities(needed)
    if (window := _window(request, deployments)) is not None:
        yield window


def _lists(routing: Routing, *, named: bool) -> list[Check]:
    """Check the caller's own lists; those of models are for whoever chooses among models."""
    checks: list[Check] = []
    if routing.granted is not None:
        checks.append(_in_scope(routing.granted))
    if routing.only:
        checks.append(_provider_in("only", routing.only))
    if routing.order and not routing.allow_fallbacks:
        checks.append(_provider_in("order (with allow_fallbacks false)", routing.order))
    if routing.ignore:
        checks.append(_provider_not_in(routing.ignore))
    if routing.allowed and not named:
        checks.append(_model_matches(routing.allowed))
    if routing.excluded and not named:
        checks.append(_model_does_not_match(routing.excluded))
    return checks


def _in_scope(granted: Granted) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        models, providers = granted.models, granted.providers
        if models is not None and _matching(deployment, models) is None:
            found = f"the caller's key may not use the model {deployment.model}; it may use {some(models) or 'none'}"
        elif providers is not None and not any(fnmatchcase(deployment.provider.id, glob) for glob in providers):
            place = deployment.provider.id
            found = f"the caller's key may not use the provider {place}; it may use {some(providers) or 'none'}"
        else:
            return None
        return reject(deployment, "key_scope", found)

    return check


def _provider_in(field: str, names: Sequence[str]) -> Check:
    allowed = {name.lower() for name in names}

    def check(deployment: Deployment) -> Rejection | None:
        if deployment.provider.id.lower() in allowed:
            return None
        found = f"provider {deployment.provider.id} is not in the request's {field}: {some(names)}"
        return reject(deployment, "not_allowed", f"{found}; add it there or name another provider")

    return check


def _provider_not_in(names: Sequence[str]) -> Check:
    denied = {name.lower() for name in names}

    def check(deployment: Deployment) -> Rejection | None:
        if deployment.provider.id.lower() not in denied:
            return None
        detail = f"provider {deployment.provider.id} is in the request's ignore: {some(names)}; take it out to use it"
        return reject(deployment, "denied", detail)

    return check


def _model_matches(globs: Sequence[str]) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        if _matching(deployment, globs) is not None:
            return None
        found = f"neither {deployment.model} nor {deployment.id} matches the request's allowed models: {some(globs)}"
        return reject(deployment, "not_allowed", f"{found}; add a pattern that does")

    return check


def _model_does_not_match(globs: Sequence[str]) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        glob = _matching(deployment, globs)
        if glob is None:
            return None
        detail = f"{deployment.id} matches {some([glob])} of the request's excluded models; take it out to use it"
        return reject(deployment, "denied", detail)

    return check


def _capabilities(needed: set[str]) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        found = deployment.capabilities
        if found is not None and needed <= found:
            return None
        key = f"models.{deployment.model}.capabilities"
        if found is None:
            detail = f"what it can do is not known, the request needs {_words(needed)}; state {key} in the config"
            return reject(deployment, "capability_unknown", detail)
        detail = f"it has {_words(found)}, the request needs {_words(needed)}; if it can, add it to {key} in the config"
        return reject(deployment, "capability_missing", detail)

    return check


def _window(request: Request, deployments: Sequence[Deployment]) -> Check | None:
    """Check the context window and the longest answer; None when the request fits them all.

    A window that is not known is no reason: it is nothing that the caller asked for, and the upstream will say.
    """
    asked, reserve = request.sampling.max_output_tokens, tokens.reserve(request)
    windows = {each.context_window for each in deployments if each.context_window is not None}
    small = set() if not windows or tokens.fits(request, min(windows), reserve) else windows
    too_small = {window for window in small if tokens.fits(request, window, reserve) is False}
    shortened = request.truncation == TRUNCATED or request.routing.middle_out
    if shortened and all(each.context_window in too_small for each in deployments):
        too_small = set()  # nobody takes it whole: some of it is left out
    answers = (each.max_output_tokens for each in deployments if each.max_output_tokens is not None)
    if not too_small and (asked is None or asked <= min(answers, default=asked)):
        return None

    def check(deployment: Deployment) -> Rejection | None:
        limit = deployment.max_output_tokens
        if deployment.context_window in too_small:
            found = f"about {tokens.estimate(request)} tokens of input and {reserve} kept for the answer"
            detail = (
                f"{found} do not fit its window of {deployment.context_window}; shorten the input or lower max_tokens"
            )
        elif asked is not None and limit is not None and asked > limit:
            detail = f"the request asks for {asked} tokens of answer, it gives at most {limit}; lower max_tokens"
        else:
            return None
        return reject(deployment, "context_window", detail)

    return check


def _price(deployment: Deployment) -> Rejection | None:
    if deployment.price is not None:
        return None
    todo = f"add a price to its deployment in models.{deployment.model} in the config, or ask for it by name"
    return reject(deployment, "price_unknown", f"what it charges is not known, so it cannot be weighed; {todo}")


def _health(health: dict[str, Health]) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        found = health.get(deployment.id)
        if found is None or found.healthy:
            return None
        return reject(deployment, "unhealthy", f"{found.detail or 'it has been failing'}; try again later")

    return check


def _matching(deployment: Deployment, globs: Iterable[str]) -> str | None:
    """Give the first glob that the deployment's id or its model matches."""
    return next((g for g in globs if fnmatchcase(deployment.id, g) or fnmatchcase(deployment.model, g)), None)


def _words(capabilities: Iterable[str]) -> str:
    return ", ".join(sorted(CAPABILITIES.intersection(capabilities))) or "none"
