"""Own the codec of Amazon Bedrock's Converse API. It faces upstreams: no caller of ours speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from gearshift.protocols import wording
from gearshift.protocols.bedrock_converse import errors, outbound, request, response
from gearshift.protocols.bedrock_converse.blocks import NAME
from gearshift.protocols.bedrock_converse.frames import CONTENT_TYPE
from gearshift.protocols.bedrock_converse.stream_decoder import Decoder
from gearshift.protocols.bedrock_converse.stream_encoder import Encoder
from gearshift.protocols.codec import Codec, StreamDecoder, StreamEncoder, StreamRelay, unmarked
from gearshift.protocols.crossing import Crossing


class BedrockConverse:
    """Be the codec; see `codec.Codec`."""

    name = NAME
    stream_type = CONTENT_TYPE
    gives_media = False
    needs_bytes: frozenset[str] = frozenset({"image", "audio", "file"})
    keep_alive = b""  # no caller speaks it
    headers: Mapping[str, str] = MappingProxyType({})
    passed_on: frozenset[bytes] = frozenset()

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
    def path(model: str, *, stream: bool) -> str:
        """Give where requests go: an id may be an ARN, whose slashes are escaped."""
        return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"

    def stream_decoder(self, choices: int = 1) -> StreamDecoder:  # noqa: ARG002 - there is one answer
        """Begin to decode one stream."""
        return Decoder()

    def stream_encoder(self, *, send_usage: bool) -> StreamEncoder:  # noqa: ARG002 - it is always said
        """Begin to encode one stream."""
        return Encoder()

    def relay(self, model: str, choices: int = 1) -> StreamRelay:
        """Begin to pass one stream on: said anew, for a frame's checksums allow no patch."""
        return Crossing(codec, codec, model, choices)


codec: Codec = BedrockConverse()
