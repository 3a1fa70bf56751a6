"""Own the errors of one attempt: what an upstream did, and whether another candidate may be tried."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from gearshift.errors.caller import InvalidRequest
from gearshift.errors.own import OverLimit
from gearshift.errors.root import GearshiftError

MAX_UPSTREAM_TEXT = 400
CALLERS_FAULT = frozenset({400, 413, 415, 422, 451})
"""Statuses by which an upstream refuses what the caller said: it would be refused everywhere."""
TOO_MANY = 429
"""The status that refuses who asks too much."""

Kind: TypeAlias = Literal[
    "rate_limited",
    "slow_down",
    "quota",
    "model_quota",
    "overloaded",
    "context_overflow",
    "too_large",
    "content_filter",
    "auth",
    "not_found",
    "rejected",
    "server",
]
"""What an upstream's refusal means, for us and for the caller.

`rate_limited`: we ask too much for now. `slow_down`: our rate rose too fast. `quota`: our money, or what our account
may use in a day or month, is gone; `model_quota`: of one model only. `auth`: our account is not let in. `overloaded`:
the upstream has too much to do. `server`: it failed, or does not speak the protocol as we do. `not_found`: it does not
have the model (any more). `context_overflow`: the prompt does not fit this model. `too_large`: the request is more than
our account may send there at once, whatever the model's window. `content_filter`: it will not speak of this.
`rejected`: the request is wrong in itself.
"""
OUR_ACCOUNT: Final[frozenset[Kind]] = frozenset({"auth", "quota", "model_quota"})
"""Kinds that speak of our account: the caller learns nothing that the upstream wrote of them."""

_BY_STATUS: Final[dict[int, Kind]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "not_found",
    410: "not_found",
    413: "context_overflow",
    TOO_MANY: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
_FOR_CALLER: Final[dict[Kind, tuple[int, str]]] = {
    "rate_limited": (TOO_MANY, "upstream_rate_limited"),
    "slow_down": (TOO_MANY, "upstream_rate_limited"),
    "quota": (502, "upstream_auth"),
    "model_quota": (502, "upstream_auth"),
    "auth": (502, "upstream_auth"),
    "overloaded": (502, "upstream_overloaded"),
    "server": (502, "upstream_refused"),
    "not_found": (502, "upstream_refused"),
    "context_overflow": (400, "context_length_exceeded"),
    "too_large": (413, "request_too_large"),
    "content_filter": (400, "content_filter"),
    "rejected": (400, "upstream_rejected"),
}
"""The status and the code that the caller sees: OpenAI's own where its clients look for one."""
_CALLERS: Final[frozenset[Kind]] = frozenset({"context_overflow", "content_filter", "rejected"})


def kind_of(status: int) -> Kind:
    """Give what a status means by itself, where the body says no more."""
    return _BY_STATUS.get(status) or ("rejected" if status in CALLERS_FAULT else "server")


class UpstreamError(GearshiftError):
    """Say that one attempt failed.

    `retryable`: another candidate may be tried. `upstream_status`: HTTP status of the upstream or None.
    """

    status = 502
    code = "upstream_error"
    retryable = True

    def __init__(self, message: str, *, upstream_status: int | None = None) -> None:
        """Keep the upstream's status beside the message."""
        super().__init__(message)
        self.upstream_status = upstream_status


class UpstreamUnreachable(UpstreamError):
    """Say that no connection could be made, or that it was lost before the first byte.

    `sent`: the request may have reached the upstream, so it may be billed.
    """

    code = "upstream_unreachable"

    def __init__(self, message: str, *, sent: bool = False) -> None:
        """Say whether the request may have been sent."""
        super().__init__(message)
        self.sent = sent


class UpstreamTimeout(UpstreamError):
    """Say that an attempt was given up; `phase` is connect, first_token, stall or total."""

    status = 504
    code = "upstream_timeout"

    def __init__(self, message: str, *, phase: str) -> None:
        """Name the timer that fired."""
        super().__init__(message)
        self.phase = phase


class UpstreamRefused(UpstreamError):
    """Say that the upstream answered with an error status, or with an error that names one.

    `kind` decides what the caller sees, and whether another candidate may be tried: not where the request itself was
    refused. A prompt that is too long (`context_overflow`) may still fit a larger window: who knows the windows may
    try. Our own account's trouble, whatever its status, is never the caller's.
    `retry_after`: seconds that the upstream asks to wait, or None. `renewable`: our proof was stale, another is had.
    """

    code = "upstream_refused"
    renewable = False

    def __init__(
        self, message: str, *, upstream_status: int, kind: Kind | None = None, retry_after: float | None = None
    ) -> None:
        """Derive `status`, `code` and `retryable` from the kind, which is the status' own unless given."""
        super().__init__(message, upstream_status=upstream_status)
        self.kind: Kind = kind or kind_of(upstream_status)
        self.retry_after = retry_after
        self.status, self.code = _FOR_CALLER[self.kind]
        if self.kind in _CALLERS:
            self.retryable = False
            if upstream_status in CALLERS_FAULT:
                self.status = upstream_status


class Unproven(UpstreamError):
    """Say that our account cannot be proved to a provider: nothing was sent to it, another provider may do."""

    code = "upstream_auth"


class UpstreamInvalid(UpstreamError):
    """Say that the upstream's answer is not one of its protocol (HTML, empty, cut, no choices)."""

    code = "upstream_invalid"


class Outrun(UpstreamError):
    """Say that an attempt was given up, for its hedge, or whom it hedged, had content sooner."""

    code = "upstream_outrun"


class NotAccepted(UpstreamError):
    """Say that an answer was whole, but not good enough for its step of a cascade."""

    code = "answer_rejected"


class StreamBroken(UpstreamError):
    """Say that an answer ended, or told of an error, before its proper end.

    `kind`, where the upstream said what is wrong: what it means, with `upstream_status`, the status that the error
    names or implies, and `retry_after`, the seconds that it asks to wait.
    """

    code = "upstream_stream_broken"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        kind: Kind | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep what the upstream said beside the message."""
        super().__init__(message, upstream_status=upstream_status)
        self.kind = kind
        self.retry_after = retry_after


class CannotCarry(UpstreamError):
    """Say that the request cannot be said in the upstream's protocol: nothing was sent, another upstream may do."""

    status = 400
    code = "cannot_carry"

    def __init__(self, cause: InvalidRequest) -> None:
        """Keep the field that cannot be said."""
        super().__init__(cause.message)
        self.param = cause.param


class NoRoom(UpstreamError):
    """Say that a limit of ours has no room for this call: nothing was sent, a cheaper candidate may fit."""

    status = 402
    code = "budget_exceeded"

    def __init__(self, cause: OverLimit) -> None:
        """Keep which limit it is, and when to come again."""
        super().__init__(cause.message)
        self.status, self.code, self.retry_after = cause.status, cause.code, cause.retry_after
