"""Own how long an upstream asks to wait: read from its headers and its words, clamped to an hour.

What is read, in this order: `retry-after-ms`, `retry-after` (the SDKs' order), Google's `RetryInfo`, the time that the
message names; and of a 429 only, the latest reset of a limit that is used up. Zero, what is past and what cannot be
read ask for nothing.
Invariants: pure, the time is an argument (seconds since the epoch); linear time, whatever the text.
Sources: RFC 9110 sections 5.6.7 and 10.2.3; RFC 3339; `_calculate_retry_timeout` of the OpenAI and Anthropic SDKs;
OpenAI, "Rate limits", and Go's durations; Anthropic, "Rate limits"; google.rpc.RetryInfo; OpenRouter, "Limits"; Azure
OpenAI and Groq, "Rate limits" (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Final

import msgspec

from gearshift.errors import TOO_MANY
from gearshift.protocols.wording import MALFORMED, upstream_message
from gearshift.types.catalog import Seconds

MAX_WAIT: Final[Seconds] = 3600.0
"""The longest wait that is believed."""
_MAX_READ: Final = 4096
_MAX_FIELD: Final = 64
"""Characters of a message, and of a header, that are read."""
_MILLIS: Final = 1e11
"""An instant that is greater is in milliseconds: OpenRouter's, and in seconds the year 5138."""
_EPOCH: Final = 1e8
"""A reset that is less is a number of seconds from now."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|us|µs|h|m|s)")
_GO: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|us|µs|h|m|s)){1,4}")
_UNITS: Final = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PHRASE: Final = re.compile(
    r"(?:try again|retry) (?:in|after) "
    r"(?:(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?) (?P<unit>second|minute)|(?P<go>[0-9.hmsuµ]{2,40}))",
    re.IGNORECASE,
)
_CLOCK: Final = r"(?P<t>[0-2][0-9](?::[0-5][0-9]){2})"
_DATES: Final = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<d>[0-9]{{2}}) (?P<m>[A-Z][a-z]{{2}}) (?P<y>[0-9]{{4}}) {_CLOCK} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<d>[0-9]{{2}})-(?P<m>[A-Z][a-z]{{2}})-(?P<y>[0-9]{{2}}) {_CLOCK} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} (?P<m>[A-Z][a-z]{{2}}) (?P<d>[ 0-9][0-9]) {_CLOCK} (?P<y>[0-9]{{4}})"),
)
"""Those of RFC 9110: the one of today, RFC 850's and asctime's."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LIMITS: Final = (
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),
    *(
        (f"anthropic-ratelimit-{what}-reset", f"anthropic-ratelimit-{what}-remaining")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
"""The headers that say when a limit is reset, and what is left of it."""


def asked_wait(status: int, headers: Mapping[str, str], body: bytes, now: Seconds) -> Seconds | None:
    """Give the seconds that a refusal asks to wait, more than 0 and at most `MAX_WAIT`; None: it asks for none.

    The names of `headers` are in lower case.
    """
    wait = next((each for each in _retry_after(headers, now) if each is not None), None) or told_wait(body)
    if wait is None and status == TOO_MANY:
        resets = chain(_resets(headers, now), _resets(_headers_within(body), now))
        wait = max((each for each in resets if each is not None), default=None)
    return wait


def told_wait(body: bytes) -> Seconds | None:
    """Give the seconds that the body of an error asks to wait."""
    delay = _retry_delay(body)
    if delay is not None:
        return delay
    found = _PHRASE.search(upstream_message(body)[:_MAX_READ])
    if found is None:
        return None
    if found["number"]:
        return _clamped(float(found["number"]) * (60 if found["unit"].lower() == "minute" else 1))
    return _clamped(_duration(found["go"].rstrip(".")))


def _retry_after(headers: Mapping[str, str], now: Seconds) -> Iterator[Seconds | None]:
    millis, value = _header(headers, "retry-after-ms"), _header(headers, "retry-after")
    if _NUMBER.fullmatch(millis):
        yield _clamped(float(millis) / 1000)
    if _NUMBER.fullmatch(value):
        yield _clamped(float(value))
    yield _until(_date(value), now)


def _resets(headers: Mapping[str, str], now: Seconds) -> Iterator[Seconds | None]:
    """Give when each limit that is used up is reset; of a limit that does not say what is left, it is believed."""
    for reset, remaining in _LIMITS:
        left = _header(headers, remaining)
        if left == "0" or (not left and not reset.startswith("anthropic")):
            yield _reset(_header(headers, reset), now)


def _reset(value: str, now: Seconds) -> Seconds | None:
    """Read a reset: a duration, seconds from now, an instant in seconds or milliseconds, or one of RFC 3339."""
    if _NUMBER.fullmatch(value):
        number = float(value)
        if number < _EPOCH:
            return _clamped(number)
        return _until(number / 1000 if number > _MILLIS else number, now)
    return _clamped(_duration(value)) or _until(_instant(value), now)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    return value if len(value) <= _MAX_FIELD else ""


def _clamped(wait: Seconds | None) -> Seconds | None:
    return min(wait, MAX_WAIT) if wait is not None and wait > 0 else None


def _until(instant: Seconds | None, now: Seconds) -> Seconds | None:
    return None if instant is None else _clamped(instant - now)


def _duration(text: str) -> Seconds | None:
    """Read one of Go's durations: `1s`, `6m0s`, `20ms`, `1h2m3.5s`."""
    if not _GO.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _date(text: str) -> Seconds | None:
    """Read an HTTP date in one of its three forms."""
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None or found["m"] not in _MONTHS:
        return None
    year, month = int(found["y"]), _MONTHS.index(found["m"]) + 1
    if len(found["y"]) == 2:  # noqa: PLR2004 - RFC 850's, of this century
        year += 2000
    return _instant(f"{year:04}-{month:02}-{int(found['d']):02}T{found['t']}+00:00")


def _instant(text: str) -> Seconds | None:
    """Read an instant of RFC 3339."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _retry_delay(body: bytes) -> Seconds | None:
    """Read `retryDelay` of Google's RetryInfo."""
    error = _error(body)
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and len(delay) <= _MAX_FIELD:
            return _clamped(_duration(delay))
    return None


def _headers_within(body: bytes) -> dict[str, str]:
    """Give the headers that OpenRouter repeats in the error's `metadata`."""
    metadata = _error(body).get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if not isinstance(headers, dict):
        return {}
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def _error(body: bytes) -> dict[str, object]:
    try:
        said = msgspec.json.decode(body)
    except MALFORMED:
        return {}
    if isinstance(said, list) and said:
        said = said[0]
    error = said.get("error") if isinstance(said, dict) else None
    return error if isinstance(error, dict) else {}
