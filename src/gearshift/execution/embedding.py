"""Own what is said to one upstream that makes vectors, and how its answer is told; `interpreter` does so for answers.

Invariant: as there. An embedding is never streamed.
"""

from __future__ import annotations

from collections.abc import Sequence

from gearshift.errors import CannotCarry, InvalidRequest
from gearshift.execution.order import Order
from gearshift.protocols.codec import RequestEdits, ResponsePeek, StreamRelay
from gearshift.protocols.embedding import Embedder, cross_request, peek
from gearshift.protocols.inlining import Given, Want
from gearshift.protocols.registry import EMBEDDER_OF, EMBEDDERS
from gearshift.protocols.resuming import Told
from gearshift.types.catalog import Deployment
from gearshift.types.embedding import EmbeddingRequest
from gearshift.types.record import Loss


class EmbeddingInterpreter:
    """Stand between one caller who wants vectors and one upstream."""

    def __init__(self, order: Order, request: EmbeddingRequest, deployment: Deployment) -> None:
        """Take the caller's wish, and whom it is told to: its provider's protocol has embeddings."""
        self._order = order
        self._request = request
        self._deployment = deployment
        self._caller = EMBEDDERS[order.codec.name]
        self.upstream: Embedder = EMBEDDER_OF[deployment.provider.protocol]
        self._same = self.upstream is self._caller
        self.losses: tuple[Loss, ...] = ()
        self.stream_type = ""  # there is none
        self.wants: tuple[Want, ...] = ()  # no input is named by URL
        self.given = ""

    @property
    def url(self) -> str:
        """Where the request goes."""
        path = self.upstream.path(self._deployment.name, single=self._request.single)
        return self._deployment.provider.base_url + path

    @property
    def headers(self) -> dict[str, str]:
        """What is said beside the body."""
        passed_on = self._order.passed_on if self._same else {}
        return {"content-type": "application/json", **self.upstream.headers, **passed_on}

    def request(self) -> bytes:
        """Say the request; raise InvalidRequest where it cannot be carried."""
        edits = RequestEdits(model=self._deployment.name, quirks=self._deployment.provider.quirks)
        if self._same:
            return self.upstream.patch_request(self._order.body, edits)
        said = cross_request(self._request, self.upstream, edits)
        self.losses = said.losses
        return said.body

    def take(self, given: Given) -> None:
        """Take nothing, for nothing is wanted."""

    def answer(self, body: bytes) -> tuple[ResponsePeek, bytes]:
        """Give the facts of an answer, and it as the caller's protocol has it."""
        count = len(self._request.inputs)
        if self._same:
            return self.upstream.peek_response(body, count), body
        response = self.upstream.decode_response(body, count)
        return peek(response), self._caller.encode_response(response, self._request)

    def told(self, pieces: Sequence[bytes]) -> None:
        """Go on with nothing: vectors are not streamed."""

    def resume(self, told: Told, *, prefill: bool) -> None:
        """Go on with nothing, as above."""

    def relay(self) -> StreamRelay:
        """Refuse: nothing asks for a stream of vectors."""
        raise CannotCarry(InvalidRequest("stream: embeddings are not streamed; leave it out", param="stream"))
