"""Own what every error of ours has: a status and a code for the caller, and words."""

from __future__ import annotations


class GearshiftError(Exception):
    """Be the root of all errors raised on purpose.

    `status` is the HTTP status for the caller, `code` the stable machine-readable word. `retry_after`: seconds until it
    may be over, None where nobody knows.
    """

    status = 500
    code = "internal_error"
    retryable = False
    retry_after: float | None = None

    def __init__(self, message: str) -> None:
        """Keep the message: what was found, what was expected, what to do."""
        super().__init__(message)
        self.message = message
