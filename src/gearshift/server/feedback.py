"""Own the body of `POST /v1/feedback`: a judgement of one exchange, or of a session.

Invariant: a fault names the field, what was found and what was expected, in the words of the inference routes.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gearshift.errors import InvalidRequest
from gearshift.protocols.fields import TEXT, Kind, Misfit, maybe, take
from gearshift.protocols.json_patch import JsonObject, Members

MAX_TEXT = 4000
"""Characters that a label or a comment may have."""
MAX_NAME = 64
"""Characters of an unknown field's name that a message repeats."""

_SCORE = Kind(msgspec.json.Decoder(float), "a number from 0 to 1")


class Judgement(Struct, frozen=True, kw_only=True):
    """Hold what a caller thinks of an answer: exactly one of `exchange_id` and `session_id` is set."""

    score: float
    exchange_id: str | None = None
    session_id: str | None = None
    label: str | None = None
    comment: str | None = None


def read_judgement(body: bytes) -> Judgement:
    """Read a feedback's body; raise InvalidRequest that names the field."""
    members = JsonObject(body, InvalidRequest).members
    try:
        given = _decode(members)
    except Misfit as misfit:
        raise InvalidRequest(str(misfit), param=misfit.path) from None
    if (given.exchange_id is None) == (given.session_id is None):
        found = "neither" if given.exchange_id is None else "both"
        raise InvalidRequest(
            f"found {found} of exchange_id and session_id, expected exactly one of them", param="exchange_id"
        )
    return given


def _decode(members: Members) -> Judgement:
    score = take(members, "score", _SCORE)
    if not 0 <= score <= 1:
        raise Misfit("score", f"found {score}, expected a number from 0 to 1")
    texts = {name: maybe(members, name, TEXT) for name in ("exchange_id", "session_id", "label", "comment")}
    for name in members:
        known = ", ".join(Judgement.__struct_fields__)
        raise Misfit(name[:MAX_NAME], f"not known here, expected one of {known}; leave it out")
    for name in ("label", "comment"):
        if len(texts[name] or "") > MAX_TEXT:
            raise Misfit(name, f"found {len(texts[name] or '')} characters, expected at most {MAX_TEXT}; shorten it")
    return Judgement(score=score, **texts)
