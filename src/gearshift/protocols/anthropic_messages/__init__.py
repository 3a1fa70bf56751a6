"""Speak the Anthropic Messages protocol."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gearshift.protocols import wording
from gearshift.protocols.anthropic_messages import errors, outbound, request, response
from gearshift.protocols.anthropic_messages.blocks import NAME
from gearshift.protocols.anthropic_messages.relay import Patch
from gearshift.protocols.anthropic_messages.stream_decoder import Decoder
from gearshift.protocols.anthropic_messages.stream_encoder import Encoder
from gearshift.protocols.codec import Codec, StreamDecoder, StreamEncoder, StreamRelay, unmarked
from gearshift.protocols.following import Following
from gearshift.protocols.sse import CONTENT_TYPE


class AnthropicMessages:
    """Be the codec; see `codec.Codec`."""

    name = NAME
    stream_type = CONTENT_TYPE
    headers: Mapping[str, str] = MappingProxyType({"anthropic-version": "2023-06-01"})
    gives_media = False
    needs_bytes: frozenset[str] = frozenset()
    passed_on: frozenset[bytes] = frozenset({b"anthropic-beta", b"anthropic-version"})
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'

    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(outbound.encode_request)
    patch_request = staticmethod(outbound.patch_request)
    decode_response = staticmethod(response.decode_response)
    encode_response = staticmethod(response.encode_response)
    peek_response = staticmethod(response.peek_response)
    patch_response = staticmethod(response.patch_response)
    encode_error = staticmethod(errors.encode_error)
    encode_stream_error = staticmethod(errors.encode_stream_error)
    upstream_message = staticmethod(wording.upstream_message)
    marks = staticmethod(unmarked)

    @staticmethod
    def path(model: str, *, stream: bool) -> str:  # noqa: ARG004 - the body says them
        """Give where requests go."""
        return "/messages"

    def stream_decoder(self, choices: int = 1) -> StreamDecoder:  # noqa: ARG002 - there is one answer
        """Begin to decode one stream."""
        return Decoder()

    def stream_encoder(self, *, send_usage: bool) -> StreamEncoder:  # noqa: ARG002 - it is always said
        """Begin to encode one stream."""
        return Encoder()

    def relay(self, model: str, choices: int = 1) -> StreamRelay:  # noqa: ARG002 - there is one answer
        """Begin to pass one stream on under the caller's name of the model."""
        return Following(Decoder(), Patch(model))


codec: Codec = AnthropicMessages()
