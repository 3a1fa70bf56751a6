"""Own `gearshift check --probe`: one call of one token to each deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from gearshift.catalog import Catalog
from gearshift.cli.assemble import make_upstream
from gearshift.cli.credentials import credentials
from gearshift.errors import UpstreamError, UpstreamTimeout
from gearshift.execution.credentials import Credentials
from gearshift.execution.interpreter import address
from gearshift.execution.proof import Outgoing
from gearshift.execution.upstream import Upstream
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.registry import CODECS
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.chat import Message, Request, Sampling, Text

CONNECT: Final[Seconds] = 5
TOTAL: Final[Seconds] = 30
_LIMIT: Final = 1024 * 1024
_OK: Final = 200


def probe_all(catalog: Catalog, environ: Mapping[str, str]) -> dict[str, str]:
    """Call every deployment once; give what went wrong, "" when nothing did, by deployment id."""
    return asyncio.run(_probe_all(catalog, environ))


async def _probe_all(catalog: Catalog, environ: Mapping[str, str]) -> dict[str, str]:
    keys = credentials(catalog, environ)
    upstream = make_upstream(environ)
    try:
        return {
            deployment.id: keys.redact(deployment.provider, await _probe(upstream, keys, deployment))
            for deployment in catalog.deployments
        }
    finally:
        await upstream.close()


async def _probe(upstream: Upstream, keys: Credentials, deployment: Deployment) -> str:
    """Give what went wrong, "" when nothing did."""
    codec = CODECS[deployment.provider.protocol]
    request = Request(
        model=deployment.model,
        messages=(Message(role="user", parts=(Text(text="Say ok."),)),),
        sampling=Sampling(max_output_tokens=1),
    )
    edits = RequestEdits(model=deployment.name, quirks=deployment.provider.quirks)
    headers = {"content-type": "application/json", **codec.headers}
    url = address(deployment, codec, stream=False)
    try:
        async with asyncio.timeout(TOTAL):
            call = Outgoing(url, headers, codec.encode_request(request, edits).body)
            proven = await keys.prove(deployment.provider, call, upstream)
            reply = await upstream.post(proven.url, proven.body, proven.headers, CONNECT)
            try:
                body = await reply.read(_LIMIT)
            finally:
                reply.close()
            if reply.status != _OK:
                return f"answered {reply.status}: {codec.upstream_message(body) or 'no message'}"
            codec.peek_response(body)
    except TimeoutError:
        return UpstreamTimeout(f"no answer within {TOTAL:g} s", phase="total").message
    except UpstreamError as error:
        return error.message
    return ""
