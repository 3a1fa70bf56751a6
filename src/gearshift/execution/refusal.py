"""Own what is made of an upstream's no: an error status, or a 200 that is not what was asked for or no more than a no.

Invariants: the status decides, whatever becomes of the body; of our own account's trouble the caller learns nothing
that the upstream wrote. An upstream's words stand here as they came: who records the attempt redacts and shortens them.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from gearshift.errors import OUR_FAULT, TOO_MANY, StreamBroken, UpstreamError, UpstreamInvalid, UpstreamRefused
from gearshift.execution.upstream import Reply
from gearshift.protocols.voice import Voice
from gearshift.types.catalog import Deployment, Seconds

MAX_ERROR_BYTES: Final = 64 * 1024
MAX_WAIT_DIGITS: Final = 6
"""Digits of a `retry-after` that is believed, in seconds; a date or more than 11 days is not passed on."""
PATIENCE: Seconds = 2.0
"""How long the body of an error may take."""
MAX_KIND: Final = 50
_KIND: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


async def refusal(reply: Reply, deployment: Deployment, codec: Voice) -> UpstreamRefused:
    """Say why the upstream refused."""
    status = reply.status
    said = await _words(reply, codec)
    if status in OUR_FAULT:
        said = f"our account was refused; check the key and the balance of provider {deployment.provider.id}"
    wait = reply.retry_after or ""
    retry_after = int(wait) if wait.isascii() and wait.isdigit() and len(wait) <= MAX_WAIT_DIGITS else None
    message = f"{deployment.id} answered {status}: {said}"
    return UpstreamRefused(message, upstream_status=status, retry_after=retry_after)


def late_refusal(error: UpstreamError, deployment: Deployment) -> UpstreamError:
    """Give `error`, that came before any content, as the refusal that it is where the status 200 was sent too soon."""
    if not (isinstance(error, StreamBroken) and error.upstream_status == TOO_MANY):
        return error
    return UpstreamRefused(f"{deployment.id}: {error.message}", upstream_status=TOO_MANY)


async def no_stream(reply: Reply, deployment: Deployment, codec: Voice, expected: str) -> UpstreamInvalid:
    """Say what came in place of a stream of the content type `expected`."""
    kind = reply.content_type
    found = kind if len(kind) <= MAX_KIND and _KIND.fullmatch(kind) else "no content type that could be one"
    message = f"{deployment.id}: expected a {expected}, found {found}: {await _words(reply, codec)}"
    return UpstreamInvalid(message, upstream_status=reply.status)


async def _words(reply: Reply, codec: Voice) -> str:
    """Read what the upstream says of itself, as far as it says it at once."""
    try:
        async with asyncio.timeout(PATIENCE):
            return codec.upstream_message(await reply.read(MAX_ERROR_BYTES)) or "no message"
    except (TimeoutError, UpstreamError):  # too slow, too long, or cut: the status says enough
        return "no readable message"
