"""Own `gearshift check --probe`: one call of one token, or one vector of a word, to each deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gearshift.catalog import Catalog
from gearshift.cli.credentials import credentials
from gearshift.cli.site import make_upstream
from gearshift.errors import UpstreamError, UpstreamTimeout
from gearshift.execution.credentials import Credentials
from gearshift.execution.interpreter import address
from gearshift.execution.proof import Outgoing
from gearshift.execution.upstream import Upstream
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.registry import CODECS, EMBEDDER_OF
from gearshift.protocols.voice import Voice
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.chat import Message, Request, Sampling, Text
from gearshift.types.embedding import EmbeddingRequest

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


class _Asked(NamedTuple):
    """Hold what is asked of a deployment, and what looks at its answer."""

    codec: Voice
    url: str
    body: bytes
    check: Callable[[bytes], object]


def _word(deployment: Deployment) -> _Asked:
    codec = CODECS[deployment.provider.protocol]
    request = Request(
        model=deployment.model,
        messages=(Message(role="user", parts=(Text(text="Say ok."),)),),
        sampling=Sampling(max_output_tokens=1),
    )
    url = address(deployment, codec, stream=False)
    return _Asked(codec, url, codec.encode_request(request, _edits(deployment)).body, codec.peek_response)


def _vector(deployment: Deployment) -> _Asked:
    codec = EMBEDDER_OF[deployment.provider.protocol]
    request = EmbeddingRequest(model=deployment.model, inputs=("ok",), single=True)
    url = deployment.provider.base_url + codec.path(deployment.name, single=True)
    body = codec.encode_request(request, _edits(deployment)).body
    return _Asked(codec, url, body, lambda answer: codec.peek_response(answer, 1))


def _edits(deployment: Deployment) -> RequestEdits:
    return RequestEdits(model=deployment.name, quirks=deployment.provider.quirks)


async def _probe(upstream: Upstream, keys: Credentials, deployment: Deployment) -> str:
    """Give what went wrong, "" when nothing did."""
    protocol = deployment.provider.protocol
    if not deployment.chats and protocol not in EMBEDDER_OF:
        return f"its provider speaks {protocol}, which has no embeddings"
    asked = _word(deployment) if deployment.chats else _vector(deployment)
    headers = {"content-type": "application/json", **asked.codec.headers}
    try:
        async with asyncio.timeout(TOTAL):
            proven = await keys.prove(deployment.provider, Outgoing(asked.url, headers, asked.body), upstream)
            reply = await upstream.post(proven.url, proven.body, proven.headers, CONNECT)
            try:
                body = await reply.read(_LIMIT)
            finally:
                reply.close()
            if reply.status != _OK:
                return f"answered {reply.status}: {asked.codec.upstream_message(body) or 'no message'}"
            asked.check(body)
    except TimeoutError:
        return UpstreamTimeout(f"no answer within {TOTAL:g} s", phase="total").message
    except UpstreamError as error:
        return error.message
    return ""
