"""Own the errors that are the caller's fault: answered in the caller's protocol, never retried."""

from __future__ import annotations

from collections.abc import Sequence

from gearshift.errors.root import GearshiftError


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


class Forbidden(CallerError):
    """Refuse what a known key may not do."""

    status = 403
    code = "forbidden"


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


class UnknownRecord(CallerError):
    """Refuse the id of a key, team, user or budget that there is not."""

    status = 404
    code = "not_found"


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


class KeyReused(CallerError):
    """Refuse another request under an `Idempotency-Key` that was used already."""

    status = 422
    code = "idempotency_key_reused"


class KeyInUse(CallerError):
    """Refuse a repeated request whose first is still being answered, by an answer that is too long to be joined."""

    status = 409
    code = "idempotency_key_in_use"


class RequestTooSlow(CallerError):
    """Refuse a request that does not arrive: its head or its body trickles."""

    status = 408
    code = "request_timeout"


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


class PromptTooLong(NoCandidate):
    """Say that no deployment has a window for the prompt: as a provider says it, for clients shorten it then."""

    status = 400
    code = "context_length_exceeded"
