"""Own what is said to one upstream and how its answer is told: patched in the caller's protocol, crossed in another.

Invariant: whatever could not be said is in `losses`, once the answer has been told.
"""

from __future__ import annotations

from gearshift.execution.handover import Handed, Heir, hand_over
from gearshift.execution.order import Order
from gearshift.protocols.answering import peek
from gearshift.protocols.codec import Codec, RequestEdits, ResponsePeek, StreamRelay
from gearshift.protocols.crossing import Crossing, cross_request, cross_response, is_foreign
from gearshift.types.catalog import Deployment
from gearshift.types.record import Loss


class Interpreter:
    """Stand between one caller and one upstream."""

    def __init__(self, order: Order, deployment: Deployment, upstream: Codec) -> None:
        """Take the caller's wish, and whom it is told to."""
        self._order = order
        self._deployment = deployment
        self._upstream = upstream
        self._same = upstream is order.codec
        self._losses: tuple[Loss, ...] = ()
        self._crossing: Crossing | None = None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be said so far, in either direction."""
        return self._losses if self._crossing is None else self._losses + self._crossing.losses

    @property
    def url(self) -> str:
        """Where the request goes."""
        path = self._upstream.path(self._deployment.name, stream=self._order.request.stream)
        return self._deployment.provider.base_url + path

    @property
    def headers(self) -> dict[str, str]:
        """What is said beside the body: the protocol's own, and the caller's where both speak the same."""
        passed_on = self._order.passed_on if self._same else {}
        return {"content-type": "application/json", **self._upstream.headers, **passed_on}

    def request(self) -> bytes:
        """Say the request; raise InvalidRequest where it cannot be carried."""
        order, quirks = self._order, self._deployment.provider.quirks
        edits = RequestEdits(
            model=self._deployment.name,
            include_usage=order.request.stream and quirks.stream_usage,
            max_output_tokens=self._deployment.max_output_tokens,
            quirks=quirks,
        )
        handed = self._handed()
        if not self._same:
            said = cross_request(handed.request, self._upstream, edits)
        elif handed.losses or is_foreign(handed.request, self._upstream):
            said = self._upstream.encode_request(handed.request, edits)
        else:
            return self._upstream.patch_request(order.body, edits)
        self._losses = handed.losses + said.losses
        return said.body

    def _handed(self) -> Handed:
        """Prepare the conversation for this upstream."""
        deployment = self._deployment
        heir = Heir(protocol=self._upstream.name, provider=deployment.provider.id, window=deployment.context_window)
        return hand_over(self._order.request, self._order.decision.standing, heir)

    def answer(self, body: bytes) -> tuple[ResponsePeek, bytes]:
        """Give the facts of an answer that is not streamed, and it as the caller's protocol has it."""
        if self._same:
            return self._upstream.peek_response(body), body
        response = self._upstream.decode_response(body)
        said = cross_response(response, self._order.codec)
        self._losses += said.losses
        return peek(response), said.body

    def relay(self) -> StreamRelay:
        """Begin to pass a stream on."""
        model, choices = self._deployment.model, self._order.request.sampling.n or 1
        if self._same:
            return self._upstream.relay(model, choices)
        self._crossing = Crossing(self._upstream, self._order.codec, model, choices)
        return self._crossing
