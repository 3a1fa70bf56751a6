"""Own whether a deployment makes what is asked for at all: an answer, or vectors.

Invariant: this is asked of a model that the caller names too, for another model cannot stand in: who is named for
embeddings and makes none is refused by name, and likewise the other way.
"""

from __future__ import annotations

from gearshift import tokens
from gearshift.protocols.registry import EMBEDDER_OF
from gearshift.routing.check import Check, reject
from gearshift.types.catalog import Deployment
from gearshift.types.decision import Rejection, RejectionReason
from gearshift.types.embedding import EmbeddingRequest


def embeds(deployment: Deployment) -> Rejection | None:
    """Ask for vectors only who is known to make them."""
    key = f"models.{deployment.model}.capabilities"
    if not deployment.embeds:
        reason: RejectionReason = "capability_unknown" if deployment.capabilities is None else "capability_missing"
        known = "whether it makes any is not known" if deployment.capabilities is None else "it makes none"
        detail = f"the request asks {deployment.model} for embeddings, {known}; if it can, add embeddings to {key}"
        return reject(deployment, reason, f"{detail} in the config")
    protocol = deployment.provider.protocol
    if protocol in EMBEDDER_OF:
        return None
    detail = f"its provider speaks {protocol}, which has no embeddings; name another provider of {deployment.model}"
    return reject(deployment, "capability_missing", detail)


def chats(deployment: Deployment) -> Rejection | None:
    """Ask for answers only who is not known to make nothing but vectors."""
    if deployment.chats:
        return None
    detail = (
        f"{deployment.model} makes embeddings, the request asks it for an answer; send it to /v1/embeddings or name "
        f"another model (if it can chat too, add chat to models.{deployment.model}.capabilities in the config)"
    )
    return reject(deployment, "capability_missing", detail)


def holds_each(request: EmbeddingRequest) -> Check:
    """Check that each input by itself fits the window; one that is not known is no reason."""

    def check(deployment: Deployment) -> Rejection | None:
        window = deployment.context_window
        longest = None if window is None else tokens.longest_input(request, window)
        if longest is None:
            return None
        detail = f"an input of at least {longest} tokens does not fit its window of {window}; split it"
        return reject(deployment, "context_window", detail)

    return check
