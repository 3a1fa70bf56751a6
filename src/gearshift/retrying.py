"""Own what an error tells its caller about asking again: whether it is of use, and when.

Sources: openai-python 3.54, anthropic 2.14, openai-node 6.49 and @anthropic-ai/sdk 1.14, `_should_retry` and
`_parse_retry_after_header` (read 2026-11): two retries by default, on 408, 409, 429 and 5xx; `x-should-retry` overrules
that, `retry-after-ms` goes before `retry-after`. OpenAI's Python client does not wait longer than two minutes,
Anthropic's waits as long as it is told, so we send nobody to wait longer than `MAX_WAIT`.
"""

from __future__ import annotations

import math
from typing import Final

from gearshift.errors import TOO_MANY, GearshiftError, Kind, UpstreamRefused
from gearshift.types.catalog import Seconds

MAX_WAIT: Final[Seconds] = 60.0
"""The longest wait after which a client is asked to try again by itself."""
_PASSING: Final = frozenset({TOO_MANY, 503})
_PASSING_KINDS: Final[frozenset[Kind]] = frozenset({"rate_limited", "slow_down", "overloaded", "server"})
"""What is over in a while; money, accounts and the request itself are as they are."""


def advice(error: GearshiftError) -> list[tuple[bytes, bytes]]:
    """Give the headers that tell a client whether to ask again, and, where it is known, after how long.

    Without a known wait the answer is no: our own retries and candidates are spent by then, and a client that tries as
    often again, three times by default, only multiplies what its upstreams cannot bear.
    """
    wait = error.retry_after
    headers = [(b"x-should-retry", b"true" if wait is not None and _is_of_use(error, wait) else b"false")]
    if wait is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(wait)))
        headers.append((b"retry-after-ms", b"%d" % math.ceil(wait * 1000)))
    return headers


def _is_of_use(error: GearshiftError, wait: Seconds) -> bool:
    """Tell whether an error may be over after `wait`: it is of too much or too many, and the wait is bearable."""
    passes = error.kind in _PASSING_KINDS if isinstance(error, UpstreamRefused) else error.status in _PASSING
    return passes and wait <= MAX_WAIT
