"""Own what a conversation's past means for a decision: whether it may move to another model, and what moving costs.

    tool loop            results of the last turn's calls are what the request brings: the model stays
    next turn            the prompt that the last provider's cache holds costs less there, and the objective weighs
                         that; without an objective nothing is gained by moving, so the model stays
    kept at a provider   (`previous_response_id`, uploaded files): only who keeps it can go on

A model that the caller names is given: then only the deployments of that model are put in order.
Invariant: pure. A conversation of which nothing is known is decided like any other; one that stays was not chosen by
chance, so its propensity is 1. What is not known to be cached is not counted as cached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from gearshift import accounting, tokens
from gearshift.protocols.marks import is_marked
from gearshift.routing.check import Check, reject
from gearshift.routing.estimate import Option
from gearshift.routing.router import Router
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Media, Request, ToolResult
from gearshift.types.decision import Candidate, Estimate, Rejection, Standing

_PREVIOUS: Final = "previous_response_id"
KEPT: Final = (_PREVIOUS, "conversation", "container", "cachedContent")
"""Fields that name what a provider keeps: of OpenAI's Responses, of Anthropic's and Gemini's API."""
_NULL: Final = msgspec.Raw(b"null")
_id: Final = msgspec.json.Decoder(str | None)


def in_turn(request: Request) -> bool:
    """Say whether the request goes on with a turn: it brings the results of the model's last calls."""
    for message in reversed(request.messages):
        if message.role == "assistant":
            return False
        if any(isinstance(part, ToolResult) for part in message.parts):
            return True
    return False


def kept_state(request: Request) -> str:
    """Name the field by which the request means something that one provider keeps; "" when it is whole in itself."""
    for name in KEPT:
        if request.extra.get(name, _NULL) != _NULL:
            return name
    for at, message in enumerate(request.messages):
        for part in message.parts:
            if isinstance(part, Media) and part.url is None and part.data is None:
                return f"messages[{at}].{part.kind}"
    return ""


def previous(request: Request) -> str:
    """Give the id of the earlier answer that the request goes on from, "" when it names none."""
    said = request.extra.get(_PREVIOUS, _NULL)
    try:
        return _id.decode(said) or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def bound(request: Request, standing: Standing | None, *, named: bool = False) -> Check | None:
    """Give the check that whoever serves keeps what the request refers to; None when it is whole in itself.

    Where it is not known who keeps it, anybody may who speaks the protocol that the request was said in, and a model
    that is `named` is asked whatever it speaks: it says itself what it cannot be told.
    """
    field = kept_state(request)
    if not field or (named and (standing is None or not standing.exact)):
        return None
    keeper = standing.provider if standing is not None and standing.exact else None

    def check(deployment: Deployment) -> Rejection | None:
        provider = deployment.provider
        if provider.protocol == request.protocol and keeper in {None, provider.id}:
            return None
        where = f"at {keeper}" if keeper else f"at a provider that speaks {request.protocol}"
        detail = f"{field} names what is kept {where}, so this session cannot move; send its content instead to move it"
        return reject(deployment, "session_bound", detail)

    return check


def cached(options: Sequence[Option], request: Request, standing: Standing | None) -> list[Option]:
    """Price what the caches of providers change in the estimates: what is read, and what is to be written."""
    held = 0 if standing is None else standing.held
    marked = is_marked(request)
    if not held and not marked:
        return list(options)
    size = tokens.estimate(request)
    last = None if standing is None else standing.deployment
    return [(each, _cached((each, found), size, held if each.id == last else 0, marked)) for each, found in options]


def stay(
    order: Sequence[Candidate], request: Request, standing: Standing | None, router: Router, *, weighed: bool
) -> tuple[tuple[Candidate, ...], str]:
    """Put the deployment that answered last first where the conversation stays with it, and say why; "" where not.

    `weighed`: an objective has compared what staying and moving cost.
    """
    if standing is None or router.stay == "off":
        return tuple(order), ""
    last = next((each for each in order if each.deployment.id == standing.deployment), None)
    if last is None:
        return tuple(order), ""
    turn = in_turn(request)
    if router.named and not turn and last.deployment.model != order[0].deployment.model:
        return tuple(order), ""
    if turn:
        why = "the model of a tool loop stays until the turn ends"
    elif router.stay == "always":
        why = "the router keeps the model of a conversation (`session: always`)"
    elif not weighed:
        why = "no objective weighs moving"
    else:
        return tuple(order), ""
    others = (each for each in order if each is not last)
    return (last, *others), f"{last.deployment.id} answered this conversation last; {why}"


def told(options: Sequence[Option], standing: Standing | None) -> str:
    """Say what was counted as cached; "" when nothing was."""
    if standing is None or not standing.held:
        return ""
    if not any(each.id == standing.deployment and found is not None for each, found in options):
        return ""
    return f"about {standing.held} tokens of the prompt are taken to be in the cache of {standing.deployment}"


def _cached(option: Option, size: int, held: int, marked: bool) -> Estimate | None:  # noqa: FBT001 - a fact of the request
    deployment, found = option
    if found is None or found.cost is None or deployment.price is None:
        return found
    read = min(held, size)
    added = accounting.caching(deployment.price, size, read, size - read if marked else 0)
    return replace(found, cost=max(0, found.cost + added)) if added else found
