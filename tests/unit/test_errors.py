from __future__ import annotations

import inspect
import re

import pytest

from gearshift import errors
from gearshift.errors import (
    CallerError,
    ConfigError,
    GearshiftError,
    InternalError,
    InvalidRequest,
    RouteNotFound,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GearshiftError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    tree = errors.__doc__ or ""
    for kind in KINDS:
        line = re.search(rf"─ {kind.__name__} +(\d{{3}})?", tree)
        assert line or kind is GearshiftError, f"{kind.__name__} is not in the tree"
        if line and line[1]:
            assert int(line[1]) == kind.status, kind.__name__


def test_codes_tell_kinds_apart() -> None:
    leaves = [kind for kind in KINDS if not kind.__subclasses__() and "code" in vars(kind)]
    assert len({kind.code for kind in leaves}) == len(leaves)


def test_a_caller_s_fault_is_a_4xx_and_never_retried() -> None:
    for kind in KINDS:
        if issubclass(kind, CallerError):
            assert 400 <= kind.status < 500
            assert not kind.retryable


def test_an_upstream_s_fault_is_a_5xx_and_retried_unless_it_says_otherwise() -> None:
    for kind in KINDS:
        if issubclass(kind, UpstreamError):
            assert kind.status in ({400} if kind is errors.CannotCarry else {502, 504})
            assert kind.retryable


def test_an_invalid_request_names_its_field() -> None:
    assert InvalidRequest("no", param="messages").param == "messages"
    assert InvalidRequest("no").param is None


@pytest.mark.parametrize(
    ("status", "seen", "code", "retryable"),
    [
        (400, 400, "upstream_rejected", False),
        (413, 413, "upstream_rejected", False),
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
        (503, 502, "upstream_refused", True),
        (529, 502, "upstream_refused", True),
        (204, 502, "upstream_refused", True),
        (307, 502, "upstream_refused", True),
        (101, 502, "upstream_refused", True),
    ],
)
def test_what_an_upstream_s_status_means_to_the_caller(status: int, seen: int, code: str, retryable: bool) -> None:
    error = UpstreamRefused("no", upstream_status=status, retry_after=7)
    assert (error.status, error.code, error.retryable) == (seen, code, retryable)
    assert (error.upstream_status, error.retry_after) == (status, 7)


def test_one_refusal_does_not_change_the_next() -> None:
    UpstreamRefused("no", upstream_status=400)
    assert UpstreamRefused("no", upstream_status=500).retryable


def test_a_timeout_names_its_phase_and_a_lost_connection_what_was_sent() -> None:
    assert UpstreamTimeout("slow", phase="stall").phase == "stall"
    assert not UpstreamUnreachable("down").sent
    assert UpstreamUnreachable("down", sent=True).sent


def test_a_known_path_with_the_wrong_method_is_a_405() -> None:
    assert RouteNotFound("no").status == 404
    assert RouteNotFound("no", allowed=["GET"]).status == 405
    assert RouteNotFound("no").status == 404


def test_our_own_bug_is_named_by_its_type_only() -> None:
    message = InternalError.of(ValueError("sk-secret and a prompt")).message
    assert "ValueError" in message
    assert "secret" not in message


@pytest.mark.parametrize(("faults", "said"), [(["a: x"], "1 fault;"), (["a: x", "b: y"], "2 faults;")])
def test_a_config_error_lists_every_fault(faults: list[str], said: str) -> None:
    error = ConfigError(faults, source="gearshift.yaml")
    assert said in error.message
    assert error.message.startswith("gearshift.yaml")
    assert all(f"  - {fault}" in error.message for fault in faults)
    assert error.faults == faults
