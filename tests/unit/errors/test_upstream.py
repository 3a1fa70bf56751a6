from __future__ import annotations

import inspect
from typing import get_args

import pytest

from gearshift import errors
from gearshift.errors import (
    OUR_ACCOUNT,
    Kind,
    StreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)


def test_an_upstream_s_fault_is_a_5xx_and_retried_unless_it_says_otherwise() -> None:
    for kind in [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]:
        if issubclass(kind, UpstreamError):
            ours = {errors.CannotCarry: {400}, errors.NoRoom: {402}}  # nothing was sent
            assert kind.status in ours.get(kind, {502, 504})
            assert kind.retryable


@pytest.mark.parametrize(
    ("status", "seen", "code", "retryable"),
    [
        (400, 400, "upstream_rejected", False),
        (413, 413, "context_length_exceeded", False),
        (422, 422, "upstream_rejected", False),
        (401, 502, "upstream_auth", True),
        (402, 502, "upstream_auth", True),
        (403, 502, "upstream_auth", True),
        (404, 502, "upstream_refused", True),
        (408, 502, "upstream_refused", True),
        *((status, 502, "upstream_refused", True) for status in (405, 406, 407, 410, 411, 421, 426, 431, 302, 204)),
        (415, 415, "upstream_rejected", False),
        (451, 451, "upstream_rejected", False),
        (429, 429, "upstream_rate_limited", True),
        (500, 502, "upstream_refused", True),
        (503, 502, "upstream_overloaded", True),
        (529, 502, "upstream_overloaded", True),
        (204, 502, "upstream_refused", True),
        (307, 502, "upstream_refused", True),
        (101, 502, "upstream_refused", True),
    ],
)
def test_what_an_upstream_s_status_means_to_the_caller(status: int, seen: int, code: str, retryable: bool) -> None:
    error = UpstreamRefused("no", upstream_status=status, retry_after=7)
    assert (error.status, error.code, error.retryable) == (seen, code, retryable)
    assert (error.upstream_status, error.retry_after) == (status, 7)


@pytest.mark.parametrize(
    ("kind", "status", "seen", "code", "retryable"),
    [
        ("rate_limited", 429, 429, "upstream_rate_limited", True),
        ("rate_limited", 413, 429, "upstream_rate_limited", True),
        ("slow_down", 503, 429, "upstream_rate_limited", True),
        ("quota", 400, 502, "upstream_auth", True),
        ("quota", 429, 502, "upstream_auth", True),
        ("model_quota", 429, 502, "upstream_auth", True),
        ("auth", 400, 502, "upstream_auth", True),
        ("too_large", 429, 413, "request_too_large", True),
        ("overloaded", 429, 502, "upstream_overloaded", True),
        ("server", 500, 502, "upstream_refused", True),
        ("not_found", 400, 502, "upstream_refused", True),
        ("context_overflow", 400, 400, "context_length_exceeded", False),
        ("context_overflow", 422, 422, "context_length_exceeded", False),
        ("context_overflow", 500, 400, "context_length_exceeded", False),
        ("content_filter", 400, 400, "content_filter", False),
        ("content_filter", 403, 400, "content_filter", False),
        ("rejected", 400, 400, "upstream_rejected", False),
        ("rejected", 404, 400, "upstream_rejected", False),
    ],
)
def test_what_a_kind_means_to_the_caller_whatever_the_status(
    kind: Kind, status: int, seen: int, code: str, retryable: bool
) -> None:
    error = UpstreamRefused("no", upstream_status=status, kind=kind)
    assert (error.status, error.code, error.retryable) == (seen, code, retryable)
    assert (error.kind, error.upstream_status) == (kind, status)


def test_every_kind_means_something_to_the_caller() -> None:
    for kind in get_args(Kind):
        error = UpstreamRefused("no", upstream_status=500, kind=kind)
        assert (error.code == "upstream_auth") == (kind in OUR_ACCOUNT)


def test_a_broken_stream_keeps_what_was_said() -> None:
    error = StreamBroken("slow", upstream_status=429, kind="rate_limited", retry_after=1.5)
    assert (error.upstream_status, error.kind, error.retry_after) == (429, "rate_limited", 1.5)
    assert (StreamBroken("cut").kind, StreamBroken("cut").retry_after) == (None, None)


def test_one_refusal_does_not_change_the_next() -> None:
    UpstreamRefused("no", upstream_status=400)
    assert UpstreamRefused("no", upstream_status=500).retryable


def test_a_timeout_names_its_phase_and_a_lost_connection_what_was_sent() -> None:
    assert UpstreamTimeout("slow", phase="stall").phase == "stall"
    assert not UpstreamUnreachable("down").sent
    assert UpstreamUnreachable("down", sent=True).sent
