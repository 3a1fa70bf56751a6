"""Speak the Gemini API: `generateContent` and its stream."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from gearshift.protocols import wording
from gearshift.protocols.codec import Codec, StreamDecoder, StreamEncoder, StreamRelay, unmarked
from gearshift.protocols.following import Following
from gearshift.protocols.gemini import errors, outbound, request, response
from gearshift.protocols.gemini.parts import NAME
from gearshift.protocols.gemini.relay import Patch
from gearshift.protocols.gemini.stream_decoder import Decoder
from gearshift.protocols.gemini.stream_encoder import Encoder
from gearshift.protocols.sse import CONTENT_TYPE


class Gemini:
    """Be the codec; see `codec.Codec`."""

    name = NAME
    stream_type = CONTENT_TYPE
    headers: Mapping[str, str] = MappingProxyType({})
    gives_media = True
    needs_bytes: frozenset[str] = frozenset()
    passed_on: frozenset[bytes] = frozenset()
    keep_alive = b"\n"
    """An empty line. Google's clients take a comment for a piece of the answer: google-genai 3.6 for Python parses it
    as JSON, js-genai may drop the event behind it (maximhq/bifrost issue 6240), go-genai raises (issue 903)."""

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
        """Give where requests go."""
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/models/{quote(model, safe='/')}:{verb}"

    def stream_decoder(self, choices: int = 1) -> StreamDecoder:
        """Begin to decode one stream of `choices` answers."""
        return Decoder(choices)

    def stream_encoder(self, *, send_usage: bool) -> StreamEncoder:  # noqa: ARG002 - it is always said
        """Begin to encode one stream."""
        return Encoder()

    def relay(self, model: str, choices: int = 1) -> StreamRelay:
        """Begin to pass one stream of `choices` answers on under the caller's name of the model."""
        return Following(Decoder(choices), Patch(model), choices)


codec: Codec = Gemini()
