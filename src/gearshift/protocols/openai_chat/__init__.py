"""Speak the OpenAI chat completions protocol, and the dialects that providers made of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gearshift.protocols import wording
from gearshift.protocols.codec import Codec, StreamDecoder, StreamEncoder, StreamRelay, unmarked
from gearshift.protocols.openai_chat import errors, outbound, request, response
from gearshift.protocols.openai_chat.relay import Relay
from gearshift.protocols.openai_chat.stream_decoder import Decoder
from gearshift.protocols.openai_chat.stream_encoder import Encoder
from gearshift.protocols.sse import CONTENT_TYPE


class OpenAIChat:
    """Be the codec; see `codec.Codec`."""

    name = "openai_chat"
    stream_type = CONTENT_TYPE
    headers: Mapping[str, str] = MappingProxyType({})
    gives_media = False
    needs_bytes: frozenset[str] = frozenset({"audio"})
    passed_on: frozenset[bytes] = frozenset()
    keep_alive = b": keep-alive\n\n"

    @staticmethod
    def path(model: str, *, stream: bool) -> str:  # noqa: ARG004 - the body says them
        """Give where requests go."""
        return "/chat/completions"

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

    def stream_decoder(self, choices: int = 1) -> StreamDecoder:
        """Begin to decode one stream of `choices` answers."""
        return Decoder(choices)

    def stream_encoder(self, *, send_usage: bool) -> StreamEncoder:
        """Begin to encode one stream."""
        return Encoder(send_usage=send_usage)

    def relay(self, model: str, choices: int = 1) -> StreamRelay:
        """Begin to pass one stream of `choices` answers on under the caller's name of the model."""
        return Relay(model, choices)


codec: Codec = OpenAIChat()
