"""Own every error that Gearshift raises on purpose.

    GearshiftError
    ├── CallerError                 the caller's fault: answered in the caller's protocol, never retried
    │   ├── InvalidRequest     400
    │   ├── Unauthorized       401
    │   ├── UnknownModel       404  (names close matches)
    │   ├── UnknownExchange    404
    │   ├── RouteNotFound      404  (405: wrong method)
    │   ├── BodyTooLarge       413
    │   ├── HeadTooLarge       431
    │   ├── NoCandidate        422  (lists the rejections)
    │   └── CallerLeft         499  (in the log only)
    ├── UpstreamError               an attempt failed; `retryable` says whether another candidate may be tried
    │   ├── UpstreamUnreachable 502 connect, DNS, TLS, reset before any byte
    │   ├── UpstreamTimeout    504  connect, first token, stall or total; `phase` says which
    │   ├── UpstreamRefused    502  a status other than 2xx; `upstream_status` keeps it
    │   ├── Unproven           502  no token or signature could be had for the provider's account
    │   ├── UpstreamInvalid    502  an answer that is not what the protocol promises
    │   ├── CannotCarry        400  the request cannot be said in the upstream's protocol; another may do
    │   └── StreamBroken       502  a stream that ended without its end
    ├── DeadlineExceeded       504  the whole exchange ran out of time
    ├── ShuttingDown           503  the gateway was stopped before the answer was complete
    ├── StoreUnavailable       503  the log cannot be read or written at present
    ├── InternalError          500  our own bug
    ├── ConfigError                 every fault of a config at once
    ├── DataError                   outcome data that cannot be used (file, row, column)
    └── ArtifactError               a router artefact that must not be loaded

Invariant: messages hold no secret and, once their attempt is recorded (`execution.credentials.Credentials.redact`), no
upstream text longer than `MAX_UPSTREAM_TEXT` characters.
`status` is what the caller sees; `code` is stable and documented in `docs/reference/errors.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_UPSTREAM_TEXT = 400
OUR_FAULT = frozenset({401, 402, 403})
"""Statuses by which an upstream refuses our account (402: its balance is spent), not the request."""
CALLERS_FAULT = frozenset({400, 413, 415, 422, 451})
"""Statuses by which an upstream refuses what the caller said: it would be refused everywhere."""
TOO_MANY = 429
"""The status that refuses who asks too much."""


class GearshiftError(Exception):
    """Be the root of all errors raised on purpose.

    `status` is the HTTP status for the caller, `code` the stable machine-readable word.
    """

    status = 500
    code = "internal_error"
    retryable = False

    def __init__(self, message: str) -> None:
        """Keep the message: what was found, what was expected, what to do."""
        super().__init__(message)
        self.message = message


class CallerError(GearshiftError):
    """Say that the request itself is at fault."""

    status = 400
    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        """Name the offending request field in `param`, as OpenAI's error shape does."""
        super().__init__(message)
        self.param = param


class InvalidRequest(CallerError):
    """Refuse a body that is not a well-formed request of its protocol."""


class Unauthorized(CallerError):
    """Refuse a missing or unknown virtual key."""

    status = 401
    code = "invalid_api_key"


class UnknownModel(CallerError):
    """Refuse a model name that no router, model or deployment has."""

    status = 404
    code = "model_not_found"


class RouteNotFound(CallerError):
    """Refuse a path that the gateway does not serve, or a method that the path does not have."""

    status = 404
    code = "route_not_found"

    def __init__(self, message: str, *, allowed: Sequence[str] = ()) -> None:
        """Keep the methods that the path does have: with any, `status` is 405."""
        super().__init__(message)
        self.allowed = tuple(allowed)
        if allowed:
            self.status = 405


class UnknownExchange(CallerError):
    """Refuse an exchange id that the log does not hold."""

    status = 404
    code = "exchange_not_found"


class BodyTooLarge(CallerError):
    """Refuse a body above the limit before it is buffered."""

    status = 413
    code = "request_too_large"


class HeadTooLarge(CallerError):
    """Refuse a request head above the limit before it is buffered."""

    status = 431
    code = "request_head_too_large"


class CallerLeft(CallerError):
    """Say that the caller went away, or takes nothing any more: nobody is left to answer."""

    status = 499
    code = "caller_left"


class NoCandidate(CallerError):
    """Say that no deployment fits the request; the message lists every rejection, and `metadata` holds them."""

    status = 422
    code = "no_candidate"

    def __init__(self, message: str, *, metadata: bytes = b"", extra: bytes = b"") -> None:
        """Keep, as JSON, what the error says of the decision; `extra` is said beside it, as inner JSON text."""
        super().__init__(message)
        self.metadata = metadata
        self.extra = extra


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


class DeadlineExceeded(GearshiftError):
    """Say that the exchange's deadline passed before an answer was complete."""

    status = 504
    code = "deadline_exceeded"


class ShuttingDown(GearshiftError):
    """Say that the gateway was told to stop, and that its grace ended before the answer did."""

    status = 503
    code = "shutting_down"


class StoreUnavailable(GearshiftError):
    """Say that the log cannot be read or written at present; answering requests goes on without it."""

    status = 503
    code = "store_unavailable"


class InternalError(GearshiftError):
    """Say that our own code failed; the cause is in our log, under the exchange's id, not in the answer."""

    @classmethod
    def of(cls, cause: BaseException) -> InternalError:
        """Name the type of the cause only: its text may hold a prompt or a secret."""
        return cls(f"the gateway failed ({type(cause).__name__}); its log has the details under this exchange's id")


class ConfigError(GearshiftError):
    """Carry every fault found in a config, each as `key: what was found, what was expected`."""

    code = "config_invalid"

    def __init__(self, faults: list[str], *, source: str) -> None:
        """Join the faults under the name of their source."""
        self.faults = faults
        count = f"{len(faults)} fault" + ("s" if len(faults) != 1 else "")
        super().__init__("\n".join([f"{source}: {count}; nothing was started", *(f"  - {fault}" for fault in faults)]))


class DataError(GearshiftError):
    """Refuse outcome data, naming file, row and column."""

    code = "data_invalid"


class ArtifactError(GearshiftError):
    """Refuse a router artefact that is broken, tampered with or of another schema."""

    code = "artifact_invalid"
