"""Own what is said to one upstream and how its answer is told: patched in the caller's protocol, crossed in another.

Invariant: whatever could not be said is in `losses`, once the answer has been told.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gearshift.execution.order import Order
from gearshift.protocols.codec import Codec, RequestEdits, ResponsePeek, StreamRelay
from gearshift.protocols.crossing import Crossing, cross_request, cross_response, is_foreign
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.record import Loss


class Interpreter:
    """Stand between one caller and one upstream."""

    def __init__(self, order: Order, request: Request, deployment: Deployment, codecs: Mapping[str, Codec]) -> None:
        """Take the caller's wish, and whom it is told to."""
        self._order = order
        self._request = request
        self._deployment = deployment
        self._caller = codecs[order.codec.name]
        self.upstream: Codec = codecs[deployment.provider.protocol]
        self._same = self.upstream is self._caller
        self._losses: tuple[Loss, ...] = ()
        self._crossing: Crossing | None = None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be said so far, in either direction."""
        return self._losses if self._crossing is None else self._losses + self._crossing.losses

    @property
    def url(self) -> str:
        """Where the request goes."""
        path = self.upstream.path(self._deployment.name, stream=self._request.stream)
        return self._deployment.provider.base_url + path

    @property
    def headers(self) -> dict[str, str]:
        """What is said beside the body: the protocol's own, and the caller's where both speak the same."""
        passed_on = self._order.passed_on if self._same else {}
        return {"content-type": "application/json", **self.upstream.headers, **passed_on}

    def request(self) -> bytes:
        """Say the request; raise InvalidRequest where it cannot be carried."""
        request, quirks = self._request, self._deployment.provider.quirks
        edits = RequestEdits(
            model=self._deployment.name,
            include_usage=request.stream and quirks.stream_usage,
            max_output_tokens=self._deployment.max_output_tokens,
            quirks=quirks,
        )
        if not self._same:
            said = cross_request(request, self.upstream, edits)
        elif is_foreign(request, self.upstream):
            said = self.upstream.encode_request(request, edits)
        else:
            return self.upstream.patch_request(self._order.body, edits)
        self._losses = said.losses
        return said.body

    def answer(self, body: bytes) -> tuple[ResponsePeek, bytes]:
        """Give the facts of an answer that is not streamed, and it as the caller's protocol has it."""
        peek = self.upstream.peek_response(body)
        if self._same:
            return peek, body
        told = self.upstream.decode_response(body)
        named = msgspec.structs.replace(told, id=told.id or self._order.exchange_id)
        said = cross_response(named, self._caller)
        self._losses += said.losses
        return peek, said.body

    def relay(self) -> StreamRelay:
        """Begin to pass a stream on."""
        model, choices = self._deployment.model, self._request.sampling.n or 1
        if self._same:
            return self.upstream.relay(model, choices)
        self._crossing = Crossing(self.upstream, self._caller, model, choices, name=self._order.exchange_id)
        return self._crossing
