"""Speak the Gemini API of embeddings, `embedContent` and `batchEmbedContents`; errors are as in its conversations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from gearshift.protocols import wording
from gearshift.protocols.embedding import Embedder
from gearshift.protocols.gemini import errors
from gearshift.protocols.gemini_embeddings import request, response


class GeminiEmbeddings:
    """Be the codec; see `embedding.Embedder`."""

    name = request.NAME
    headers: Mapping[str, str] = MappingProxyType({})
    passed_on: frozenset[bytes] = frozenset()
    keep_alive = b""

    @staticmethod
    def path(model: str, *, single: bool) -> str:
        """Give where requests go."""
        return f"/models/{quote(model, safe='/')}:{request.SINGLE if single else request.BATCH}"

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


codec: Embedder = GeminiEmbeddings()
