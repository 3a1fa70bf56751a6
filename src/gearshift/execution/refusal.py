"""Own what is made of an upstream's no: an error status, or a 200 that is not what was asked for or no more than a no.

Invariants: the status decides where the body says no more, or does not come; of our own account's trouble the caller
learns nothing that the upstream wrote. An upstream's words stand here as they came: who records the attempt redacts and
shortens them.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from gearshift.errors import OUR_ACCOUNT, Kind, StreamBroken, UpstreamError, UpstreamInvalid, UpstreamRefused
from gearshift.execution.upstream import Reply
from gearshift.protocols.complaint import in_place, read
from gearshift.protocols.waiting import asked_wait
from gearshift.protocols.wording import upstream_message
from gearshift.types.catalog import Deployment, Seconds

MAX_ERROR_BYTES: Final = 64 * 1024
PATIENCE: Seconds = 2.0
"""How long the body of an error may take."""
MAX_KIND: Final = 50
_KIND: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_NAME: Final = "x-amzn-errortype"
"""The header in which AWS names the error; its body has the message only."""


async def refusal(reply: Reply, deployment: Deployment, now: Seconds) -> UpstreamRefused:
    """Say why the upstream refused; `now` is seconds since the epoch."""
    body = await _body(reply)
    complaint = read(reply.status, body or b"", reply.head.get(_NAME, ""))
    wait = asked_wait(reply.status, reply.head, body or b"", now)
    said = _said(complaint.kind, complaint.message or _unsaid(body), deployment)
    message = f"{deployment.id} answered {reply.status}: {said}"
    return UpstreamRefused(message, upstream_status=reply.status, kind=complaint.kind, retry_after=wait)


def late_refusal(error: UpstreamError, deployment: Deployment) -> UpstreamError:
    """Give `error`, that came before any content, as the refusal that it is where the status 200 was sent too soon."""
    if not isinstance(error, StreamBroken) or error.kind is None or error.upstream_status is None:
        return error
    message = f"{deployment.id}: {_said(error.kind, error.message, deployment)}"
    status, kind = error.upstream_status, error.kind
    return UpstreamRefused(message, upstream_status=status, kind=kind, retry_after=error.retry_after)


async def no_stream(reply: Reply, deployment: Deployment, expected: str) -> UpstreamError:
    """Say what came in place of a stream of the content type `expected`."""
    body = await _body(reply)
    error = in_place(body or b"", of="a stream")
    if isinstance(error, UpstreamRefused):
        error.message = f"{deployment.id}: {error.message}"
        return error
    kind = reply.content_type
    found = kind if len(kind) <= MAX_KIND and _KIND.fullmatch(kind) else "no content type that could be one"
    said = upstream_message(body or b"") or _unsaid(body)
    message = f"{deployment.id}: expected a {expected}, found {found}: {said}"
    return UpstreamInvalid(message, upstream_status=reply.status)


def _said(kind: Kind, words: str, deployment: Deployment) -> str:
    """Give the upstream's words, but of our account: those are not for the caller."""
    if kind not in OUR_ACCOUNT:
        return words
    return f"our account was refused; check the key and the balance of provider {deployment.provider.id}"


async def _body(reply: Reply) -> bytes | None:
    """Read what the upstream says of itself, as far as it says it at once; None: it does not."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reply.read(MAX_ERROR_BYTES)
    except (TimeoutError, UpstreamError):  # too slow, too long, or cut: the status says enough
        return None


def _unsaid(body: bytes | None) -> str:
    return "no readable message" if body is None else "no message"
