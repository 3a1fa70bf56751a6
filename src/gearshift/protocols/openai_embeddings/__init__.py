"""Speak OpenAI's protocol of embeddings, `POST /embeddings`; errors are those of its conversations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gearshift.protocols import wording
from gearshift.protocols.embedding import Embedder
from gearshift.protocols.openai_chat import errors
from gearshift.protocols.openai_embeddings import request, response


class OpenAIEmbeddings:
    """Be the codec; see `embedding.Embedder`."""

    name = request.NAME
    headers: Mapping[str, str] = MappingProxyType({})
    passed_on: frozenset[bytes] = frozenset()
    keep_alive = b""

    @staticmethod
    def path(model: str, *, single: bool) -> str:  # noqa: ARG004 - the body says them
        """Give where requests go."""
        return "/embeddings"

    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(request.encode_request)
    patch_request = staticmethod(request.patch_request)
    decode_response = staticmethod(response.decode_response)
    encode_response = staticmethod(response.encode_response)
    peek_response = staticmethod(response.peek_response)
    patch_response = staticmethod(response.patch_response)
    encode_error = staticmethod(errors.encode_error)
    encode_stream_error = staticmethod(errors.encode_stream_error)
    upstream_message = staticmethod(wording.upstream_message)


codec: Embedder = OpenAIEmbeddings()
