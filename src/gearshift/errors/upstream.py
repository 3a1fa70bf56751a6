"""Own the errors of one attempt: what an upstream did, and whether another candidate may be tried."""

from __future__ import annotations

from gearshift.errors.caller import InvalidRequest
from gearshift.errors.root import GearshiftError

MAX_UPSTREAM_TEXT = 400
OUR_FAULT = frozenset({401, 402, 403})
"""Statuses by which an upstream refuses our account (402: its balance is spent), not the request."""
CALLERS_FAULT = frozenset({400, 413, 415, 422, 451})
"""Statuses by which an upstream refuses what the caller said: it would be refused everywhere."""
TOO_MANY = 429
"""The status that refuses who asks too much."""


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
    """Say that the upstream answered with an error status.

    429 and 5xx are retryable on another candidate. 401, 402 and 403 are *our* account's fault: another provider may
    work, and the caller must not see them as its own. Only the statuses of `CALLERS_FAULT` speak of what the caller
    sent; what is left (a wrong path or method, a proxy's demand, a redirect, a status that means success but is not
    200) is an endpoint that does not speak the protocol as we do.
    `retry_after`: whole seconds that the upstream asks to wait, or None.
    """

    code = "upstream_refused"

    def __init__(self, message: str, *, upstream_status: int, retry_after: int | None = None) -> None:
        """Derive `status`, `code` and `retryable` from the upstream's status."""
        super().__init__(message, upstream_status=upstream_status)
        self.retry_after = retry_after
        if upstream_status in OUR_FAULT:
            self.code = "upstream_auth"
        elif upstream_status == TOO_MANY:
            self.status, self.code = TOO_MANY, "upstream_rate_limited"
        elif upstream_status in CALLERS_FAULT:
            self.status, self.code, self.retryable = upstream_status, "upstream_rejected", False


class Unproven(UpstreamError):
    """Say that our account cannot be proved to a provider: nothing was sent to it, another provider may do."""

    code = "upstream_auth"


class UpstreamInvalid(UpstreamError):
    """Say that the upstream's answer is not one of its protocol (HTML, empty, cut, no choices)."""

    code = "upstream_invalid"


class StreamBroken(UpstreamError):
    """Say that a stream ended, or sent an error, before its proper end.

    `upstream_status`: 429 where the error says that we ask too much, in whatever words.
    """

    code = "upstream_stream_broken"


class CannotCarry(UpstreamError):
    """Say that the request cannot be said in the upstream's protocol: nothing was sent, another upstream may do."""

    status = 400
    code = "cannot_carry"

    def __init__(self, cause: InvalidRequest) -> None:
        """Keep the field that cannot be said."""
        super().__init__(cause.message)
        self.param = cause.param
