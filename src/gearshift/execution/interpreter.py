"""Own what is said to one upstream and how its answer is told: patched in the caller's protocol, crossed in another.

Invariant: whatever could not be said is in `losses`, once the answer has been told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urljoin

from msgspec.structs import replace

from gearshift import tokens
from gearshift.execution.handover import Handed, Heir, hand_over
from gearshift.execution.order import Order
from gearshift.protocols.answering import peek
from gearshift.protocols.codec import Codec, RequestEdits, ResponsePeek, StreamRelay
from gearshift.protocols.crossing import Crossing, Stamp, cross_request, cross_response, is_foreign
from gearshift.protocols.inlining import Given, Want, inlined, wanted
from gearshift.protocols.losses import mapped
from gearshift.protocols.openrouter import SHORTENING
from gearshift.protocols.places import encode
from gearshift.protocols.prefilling import beginning, begun
from gearshift.protocols.resuming import Resumption, Told, may_resume, read_told
from gearshift.protocols.wording import text_of
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.record import Loss


def address(deployment: Deployment, codec: Codec, *, stream: bool) -> str:
    """Give where requests to `deployment` go."""
    quirks = deployment.provider.quirks
    path = (quirks.stream_path if stream else None) or quirks.path
    if path is None:
        return deployment.provider.base_url + codec.path(deployment.name, stream=stream)
    return deployment.provider.base_url + path.replace("{model}", quote(deployment.name, safe="@"))


class Interpreter:
    """Stand between one caller and one upstream."""

    def __init__(
        self, order: Order, request: Request, deployment: Deployment, codecs: Mapping[str, Codec], stamp: Stamp
    ) -> None:
        """Take the caller's wish, and whom it is told to; `stamp` is for an answer without an id or a time."""
        self._stamp = stamp
        self._order = order
        self._request = request
        self._deployment = deployment
        self._caller = codecs[order.codec.name]
        self.upstream: Codec = codecs[deployment.provider.protocol]
        self._same = self.upstream is self._caller
        self._needs = self.upstream.needs_bytes | set(deployment.provider.quirks.needs_bytes)
        self._fetched: tuple[Loss, ...] = ()
        self._losses: tuple[Loss, ...] = ()
        self._crossing: Crossing | None = None
        self._told: Told | None = None
        self._beginning = ""

    def resume(self, told: Told, *, prefill: bool) -> None:
        """Go on with an answer of which this was `told`; `prefill`: give the upstream the beginning, if that can be."""
        way = self._deployment.prefill
        self._beginning = beginning(told, self._request, way) if prefill else ""
        self._told = replace(told, given="" if way == "prefix_echoed" else self._beginning)

    @property
    def given(self) -> str:
        """Give what the upstream has been given of the answer, and does not say again; "": nothing."""
        return "" if self._told is None else self._told.given

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be said so far, in either direction."""
        return self._losses if self._crossing is None else self._losses + self._crossing.losses

    @property
    def stream_type(self) -> str:
        """Give the content type of a stream."""
        return self.upstream.stream_type

    @property
    def url(self) -> str:
        """Where the request goes."""
        path = self._deployment.provider.quirks.prefill_path
        if self._beginning and path is not None:
            return urljoin(self._deployment.provider.base_url, path)
        return address(self._deployment, self.upstream, stream=self._request.stream)

    @property
    def headers(self) -> dict[str, str]:
        """What is said beside the body: the protocol's own, and the caller's where both speak the same."""
        passed_on = self._order.passed_on if self._same else {}
        return {"content-type": "application/json", **self.upstream.headers, **passed_on}

    @property
    def wants(self) -> tuple[Want, ...]:
        """The URLs in the request that must be said as the bytes behind them."""
        return wanted(self._request, self._needs)

    def take(self, given: Given) -> None:
        """Take the bytes behind the URLs of `wants`."""
        how = "fetched by the gateway, for this upstream takes bytes only"
        self._fetched = tuple(mapped(want.at, how) for want in self.wants)
        self._request = inlined(self._request, self._needs, given)

    def request(self) -> bytes:
        """Say the request; raise InvalidRequest where it cannot be carried."""
        request, quirks = self._request, self._deployment.provider.quirks
        edits = RequestEdits(
            model=self._deployment.name,
            include_usage=request.stream and quirks.stream_usage,
            max_output_tokens=self._deployment.max_output_tokens,
            begun=bool(self._beginning),
            quirks=quirks,
        )
        handed = self._handed()
        asked = self._begun(handed.request) if self._beginning else handed.request
        if not self._same:
            said = cross_request(asked, self.upstream, edits)
        elif self._beginning or handed.losses or self._fetched or is_foreign(asked, self.upstream):
            said = encode(asked, self.upstream, edits)
        else:
            return self.upstream.patch_request(self._order.body, edits)
        self._losses = self._fetched + handed.losses + said.losses
        return said.body

    def _begun(self, request: Request) -> Request:
        """Give the request with the beginning of its answer, which is a part of what the answer may have."""
        most = request.sampling.max_output_tokens
        if most is not None:
            left = max(1, most - tokens.estimate_text(self._beginning))
            request = replace(request, sampling=replace(request.sampling, max_output_tokens=left))
        return begun(request, self._beginning)

    def _handed(self) -> Handed:
        """Prepare the conversation for this upstream."""
        deployment = self._deployment
        heir = Heir(
            protocol=self.upstream.name,
            provider=deployment.provider.id,
            window=deployment.context_window,
            shortens=SHORTENING.issubset(deployment.provider.quirks.extensions),
        )
        return hand_over(self._request, self._order.decision.standing, heir)

    def answer(self, body: bytes) -> tuple[ResponsePeek, bytes]:
        """Give the facts of an answer that is not streamed, and it as the caller's protocol has it."""
        if self._same:
            return self.upstream.peek_response(text_of(body)), body
        response = self.upstream.decode_response(body)
        said = cross_response(response, self._caller, self._stamp)
        self._losses += said.losses
        return peek(response), said.body

    def told(self, pieces: Sequence[bytes]) -> Told | None:
        """Read what the caller has of a broken stream; None where nobody else can go on with it."""
        return read_told(self._caller, pieces) if may_resume(self._request) else None

    def relay(self) -> StreamRelay:
        """Begin to pass a stream on, or, of an answer of which something was told before, what is beyond that."""
        model, choices = self._deployment.model, self._request.sampling.n or 1
        if self._told is not None:
            self._crossing = Resumption(self.upstream, self._caller, model, self._told, self._stamp)
            return self._crossing
        if self._same:
            return self.upstream.relay(model, choices)
        self._crossing = Crossing(self.upstream, self._caller, model, choices, self._stamp)
        return self._crossing
