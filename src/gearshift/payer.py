"""Own on whose behalf a request is: what its money is counted by."""

from __future__ import annotations

from typing import Final

from gearshift.types.decision import Decision
from gearshift.types.embedding import Asked
from gearshift.types.inbound import Inbound
from gearshift.types.ledger import Payer

MAX_TAGS: Final = 16
MAX_TAG: Final = 64
"""Characters of a tag's name, and of its value, that are kept: OpenAI takes 16 pairs of metadata, names of 64."""


def payer_of(inbound: Inbound, request: Asked, decision: Decision) -> Payer:
    """Tell who pays for a request; its metadata are tags, cut to what is kept."""
    said = request.metadata
    tags = {name[:MAX_TAG]: str(said[name])[:MAX_TAG] for name in list(said)[:MAX_TAGS]} if said else {}
    caller = inbound.caller
    if caller is None:
        return Payer(key=inbound.key, router=decision.router, tags=tags)
    return Payer(key=caller.id, team=caller.team, user_id=caller.user_id, router=decision.router, tags=tags)
