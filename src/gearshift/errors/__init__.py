"""Own every error that Gearshift raises on purpose.

    GearshiftError
    ├── CallerError                 the caller's fault: answered in the caller's protocol, never retried
    │   ├── InvalidRequest     400
    │   ├── Unauthorized       401
    │   ├── Forbidden          403  a known key may not do that
    │   ├── UnknownModel       404  (names close matches)
    │   ├── UnknownRecord      404  no key, team, user or budget of that id
    │   ├── UnknownExchange    404
    │   ├── RouteNotFound      404  (405: wrong method)
    │   ├── RequestTooSlow     408
    │   ├── BodyTooLarge       413
    │   ├── HeadTooLarge       431
    │   ├── NoCandidate        422  (lists the rejections)
    │   │   └── PromptTooLong  400  all of them are of the context window
    │   ├── KeyReused          422  an Idempotency-Key that names another request
    │   ├── KeyInUse           409  an Idempotency-Key whose answer is under way and too long to be joined
    │   └── CallerLeft         499  (in the log only)
    ├── UpstreamError               an attempt failed; `retryable` says whether another candidate may be tried
    │   ├── UpstreamUnreachable 502 connect, DNS, TLS, reset before any byte
    │   ├── UpstreamTimeout    504  connect, first token, stall or total; `phase` says which
    │   ├── UpstreamRefused    502  an error status; `kind` says what it means
    │   ├── Unproven           502  no token or signature could be had for the provider's account
    │   ├── UpstreamInvalid    502  an answer that is not what the protocol promises
    │   ├── Outrun             502  given up: another attempt for the same answer was sooner (in the log only)
    │   ├── NotAccepted        502  a whole answer that its step of a cascade turned down (in the log only)
    │   ├── NoRoom        402, 429  a limit of ours has no room for the call; a cheaper one may fit
    │   ├── CannotCarry        400  the request cannot be said in the upstream's protocol; another may do
    │   └── StreamBroken       502  a stream that ended without its end
    ├── DeadlineExceeded       504  the whole exchange ran out of time
    ├── NoHealthyDeployment    503  everybody who fits rests after failures; says when the first is back
    ├── ShuttingDown           503  the gateway was stopped before the answer was complete
    ├── Overloaded             503  more to do than can be done: nothing was begun
    ├── OverLimit                   a limit of ours has no room
    │   ├── BudgetSpent        402  of money
    │   └── RateLimited        429  of requests or tokens
    ├── StoreUnavailable       503  the log cannot be read or written at present
    ├── RowRefused                  a row that the log can never hold
    ├── LedgerUnavailable      503  a call was not made, for it could not be written down
    ├── InternalError          500  our own bug
    ├── ConfigError                 every fault of a config at once
    ├── DataError                   outcome data that cannot be used (file, row, column)
    └── ArtifactError               a router artefact that must not be loaded

Invariant: messages hold no secret and, once their attempt is recorded (`execution.credentials.Credentials.redact`), no
upstream text longer than `MAX_UPSTREAM_TEXT` characters.
`status` is what the caller sees; `code` is stable and documented in `docs/reference/errors.md`.
"""

from __future__ import annotations

from gearshift.errors.caller import (
    BodyTooLarge,
    CallerError,
    CallerLeft,
    Forbidden,
    HeadTooLarge,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NoCandidate,
    PromptTooLong,
    RequestTooSlow,
    RouteNotFound,
    Unauthorized,
    UnknownExchange,
    UnknownModel,
    UnknownRecord,
)
from gearshift.errors.own import (
    ArtifactError,
    BudgetSpent,
    ConfigError,
    DataError,
    DeadlineExceeded,
    InternalError,
    LedgerUnavailable,
    NoHealthyDeployment,
    OverLimit,
    Overloaded,
    RateLimited,
    RowRefused,
    ShuttingDown,
    StoreUnavailable,
)
from gearshift.errors.root import (
    GearshiftError,
)
from gearshift.errors.upstream import (
    CALLERS_FAULT,
    MAX_UPSTREAM_TEXT,
    OUR_ACCOUNT,
    TOO_MANY,
    CannotCarry,
    Kind,
    NoRoom,
    NotAccepted,
    Outrun,
    StreamBroken,
    Unproven,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
    kind_of,
)

__all__ = [
    "CALLERS_FAULT",
    "MAX_UPSTREAM_TEXT",
    "OUR_ACCOUNT",
    "TOO_MANY",
    "ArtifactError",
    "BodyTooLarge",
    "BudgetSpent",
    "CallerError",
    "CallerLeft",
    "CannotCarry",
    "ConfigError",
    "DataError",
    "DeadlineExceeded",
    "Forbidden",
    "GearshiftError",
    "HeadTooLarge",
    "InternalError",
    "InvalidRequest",
    "KeyInUse",
    "KeyReused",
    "Kind",
    "LedgerUnavailable",
    "NoCandidate",
    "NoHealthyDeployment",
    "NoRoom",
    "NotAccepted",
    "Outrun",
    "OverLimit",
    "Overloaded",
    "PromptTooLong",
    "RateLimited",
    "RequestTooSlow",
    "RouteNotFound",
    "RowRefused",
    "ShuttingDown",
    "StoreUnavailable",
    "StreamBroken",
    "Unauthorized",
    "UnknownExchange",
    "UnknownModel",
    "UnknownRecord",
    "Unproven",
    "UpstreamError",
    "UpstreamInvalid",
    "UpstreamRefused",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "kind_of",
]
