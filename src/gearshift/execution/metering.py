"""Own the one choke point of metering: what each attempt used and cost, whatever its route and its end.

Invariant: an attempt's usage is the upstream's own where it was reported, else an estimate that says so; an attempt
that surely was not billed costs 0, one whose price is unknown costs None.
"""

from __future__ import annotations

from math import ceil

import msgspec

from gearshift import accounting, tokens
from gearshift.errors import CallerLeft, GearshiftError, Outrun, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from gearshift.protocols.codec import Facts
from gearshift.types.catalog import Deployment, NanoUSD, Seconds
from gearshift.types.chat import Usage
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.record import Attempt, Billing, Loss, Purpose

BYTES_PER_TOKEN = 4
"""Bytes of an answer per token, where nothing of its text is known (OpenAI: "1 token ~= 4 chars in English", help
centre 4936856)."""


def whole(attempt: Attempt, told: str) -> Attempt:
    """Give an attempt as its caller sees it, who has an answer whose beginning, `told` by another, it was given.

    That is counted as a part of the answer, not of the question.
    """
    if not told or attempt.usage is None:
        return attempt
    count, usage = tokens.estimate_text(told), attempt.usage
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    counted = msgspec.structs.replace(
        usage,
        input_tokens=max(cached, usage.input_tokens - count),
        output_tokens=usage.output_tokens + count,
        estimated=True,
    )
    return msgspec.structs.replace(attempt, usage=counted)


class Meter:
    """Measure one attempt while it runs; `attempt()` gives its record."""

    __slots__ = (
        "answer_bytes",
        "billing",
        "call_id",
        "deployment",
        "finish_reason",
        "first_token",
        "id",
        "losses",
        "purpose",
        "response_id",
        "sample",
        "sent",
        "started",
        "status",
        "upstream_model",
        "usage",
    )

    def __init__(self, attempt_id: str, deployment: Deployment, started: Seconds) -> None:
        """Begin to measure; `started` is seconds since the exchange began."""
        self.id = attempt_id
        self.deployment = deployment
        self.started = started
        self.first_token: Seconds | None = None
        self.sent = False
        self.status: int | None = None
        self.billing: Billing = "maybe_billed"
        self.usage: Usage | None = None
        self.answer_bytes = 0
        self.sample = ""
        """A beginning of the answer's text, where its tokens must be guessed: they are as long as those of it."""
        self.upstream_model: str | None = None
        self.response_id: str | None = None
        self.finish_reason: str | None = None
        self.call_id: str | None = None
        self.losses: tuple[Loss, ...] = ()
        self.purpose: Purpose = "answer"

    def begin(self) -> None:
        """Note that the request is on its way: from now on it may be billed."""
        self.sent = True

    def learn(self, facts: Facts) -> None:
        """Take over what the answer says of itself."""
        self.usage = facts.usage
        self.finish_reason = facts.finish_reason
        self.response_id = facts.response_id
        self.upstream_model = facts.upstream_model
        self.answer_bytes = facts.answer_bytes
        self.call_id = facts.call_id

    def attempt(self, request: Asked, ended: Seconds, error: GearshiftError | None) -> Attempt:
        """Close the record; `error` is CallerLeft when the caller went away and the upstream was cancelled."""
        self._judge_billing(error)
        usage = self._used(request, broken=error is not None and self.finish_reason is None)
        return Attempt(
            id=self.id,
            deployment=self.deployment,
            started=self.started,
            first_token=self.first_token,
            ended=ended,
            status=self.status,
            error=error.code if error else None,
            detail=error.message if error else None,
            usage=usage,
            cost=self._cost(usage),
            billing=self.billing,
            upstream_model=self.upstream_model,
            response_id=self.response_id,
            finish_reason=self.finish_reason,
            call_id=self.call_id,
            losses=self.losses,
            purpose=self.purpose,
        )

    def _judge_billing(self, error: GearshiftError | None) -> None:
        quirks = self.deployment.provider.quirks
        match error:
            case UpstreamRefused():
                self.billing = "not_billed"
            case UpstreamUnreachable(sent=False) | UpstreamTimeout(phase="connect"):
                self.billing = "not_sent"
            case _ if not self.sent:
                self.billing = "not_sent"
            case CallerLeft() | Outrun() if self.finish_reason is None and quirks.on_cancel == "free":
                self.billing = "not_billed"
            case _ if self.usage is not None or self.first_token is not None:
                self.billing = "billed"
            case _:
                self.billing = "maybe_billed"

    def _used(self, request: Asked, *, broken: bool) -> Usage | None:
        """Give the usage; what a stream said before it broke (Anthropic's at its start) lacks what came after it."""
        if self.usage is None:
            return self._estimate(request)
        output = self._output()
        if not broken or self.usage.output_tokens >= output:
            return self.usage
        counted = msgspec.structs.replace(self.usage, output_tokens=output, estimated=True)
        if counted.input_tokens or isinstance(request, EmbeddingRequest):
            return counted
        return msgspec.structs.replace(counted, input_tokens=tokens.estimate(request))

    def _estimate(self, request: Asked) -> Usage | None:
        if self.billing in {"not_sent", "not_billed"}:
            return None
        if isinstance(request, EmbeddingRequest):
            length = tokens.estimate_inputs(request)
            return None if length is None else Usage(input_tokens=length, estimated=True)
        return Usage(input_tokens=tokens.estimate(request), output_tokens=self._output(), estimated=True)

    def _output(self) -> int:
        """Guess the tokens of the answer."""
        size = len(self.sample.encode())
        share = tokens.estimate_text(self.sample) / size if size else 1 / BYTES_PER_TOKEN
        return ceil(self.answer_bytes * share)

    def _cost(self, usage: Usage | None) -> NanoUSD | None:
        if self.billing in {"not_sent", "not_billed"}:
            return 0
        price = self.deployment.price
        return None if price is None or usage is None else accounting.cost(price, usage)
