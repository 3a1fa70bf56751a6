from __future__ import annotations

import pytest

from gearshift.errors import (
    DeadlineExceeded,
    GearshiftError,
    InternalError,
    InvalidRequest,
    KeyInUse,
    Kind,
    NoCandidate,
    NoHealthyDeployment,
    ShuttingDown,
    StoreUnavailable,
    StreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.retrying import advice


class Overloaded(GearshiftError):
    status = 503
    retry_after = 0.25


def refused(status: int, wait: float | None = None, kind: Kind | None = None) -> UpstreamRefused:
    return UpstreamRefused("no", upstream_status=status, kind=kind, retry_after=wait)


@pytest.mark.parametrize(
    ("error", "of_use", "wait"),
    [
        (InvalidRequest("no"), False, None),
        (NoCandidate("no"), False, None),
        (KeyInUse("no"), False, None),
        (InternalError("no"), False, None),
        (DeadlineExceeded("no"), False, None),
        (StoreUnavailable("no"), False, None),
        (StreamBroken("no"), False, None),
        (UpstreamUnreachable("no"), False, None),
        (UpstreamTimeout("no", phase="connect"), False, None),
        (refused(500), False, None),
        (refused(503), False, None),
        (refused(429), False, None),
        (refused(429, 7), True, ("7", "7000")),
        (refused(429, 60), True, ("60", "60000")),
        (refused(429, 61), False, ("61", "61000")),
        (refused(429, 0), True, ("0", "0")),
        (refused(503, 2), True, ("2", "2000")),
        (refused(429, 0.2), True, ("1", "200")),
        (refused(529, 2), True, ("2", "2000")),
        (refused(429, 2, "quota"), False, ("2", "2000")),
        (refused(200, 2, "overloaded"), True, ("2", "2000")),
        (refused(401, 2), False, ("2", "2000")),
        (refused(400, 2), False, ("2", "2000")),
        (NoHealthyDeployment("no", retry_after=5), True, ("5", "5000")),
        (NoHealthyDeployment("no", retry_after=120), False, ("120", "120000")),
        (ShuttingDown("no"), True, ("1", "1000")),
        (Overloaded("no"), True, ("1", "250")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, GearshiftError) else None,
)
def test_a_client_is_sent_again_only_where_it_is_known_when(
    error: GearshiftError, of_use: bool, wait: tuple[str, str] | None
) -> None:
    told = {name.decode(): value.decode() for name, value in advice(error)}
    expected = {"x-should-retry": "true" if of_use else "false"}
    if wait is not None:
        expected |= {"retry-after": wait[0], "retry-after-ms": wait[1]}
    assert told == expected
