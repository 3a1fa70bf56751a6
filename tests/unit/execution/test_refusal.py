from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from gearshift.errors import StreamBroken, UpstreamError, UpstreamInvalid, UpstreamRefused
from gearshift.execution import refusal as module
from gearshift.execution.refusal import late_refusal, no_stream, refusal
from gearshift.protocols.complaint import broken_off
from tests.fakes.nouns import deployment

NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class Answer:
    """Be a reply whose head has come; `body` comes at once, never (None), or fails."""

    def __init__(
        self,
        body: bytes | UpstreamError | None,
        *,
        status: int = 200,
        content_type: str = "application/json",
        **head: str,
    ) -> None:
        self._body = body
        self.status = status
        self.content_type = content_type
        self.head: Mapping[str, str] = {name.replace("_", "-"): value for name, value in head.items()}
        self.received = 0

    async def read(self, limit: int) -> bytes:
        if self._body is None:
            await asyncio.Event().wait()
        if isinstance(self._body, UpstreamError):
            raise self._body
        assert self._body is not None
        assert len(self._body) <= limit
        return self._body

    async def chunk(self) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def release(self) -> None:
        raise NotImplementedError


def asked(answer: Answer) -> UpstreamRefused:
    async def scene() -> UpstreamRefused:
        return await refusal(answer, deployment(), NOW)

    return asyncio.run(scene())


def no_stream_of(answer: Answer) -> UpstreamError:
    async def scene() -> UpstreamError:
        return await no_stream(answer, deployment(), "text/event-stream")

    return asyncio.run(scene())


def test_the_words_of_a_refusal_are_told_whole() -> None:
    body = b'{"error":{"message":"%b"}}' % (b"x" * 5000)
    error = asked(Answer(body, status=400))
    assert (error.status, error.code) == (400, "upstream_rejected")
    assert error.message.endswith("x" * 5000)


@pytest.mark.parametrize("body", [None, UpstreamInvalid("too long"), StreamBroken("cut")])
def test_the_status_decides_when_the_body_does_not_come(
    body: UpstreamError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    error = asked(Answer(body, status=429, retry_after="7"))
    assert (error.status, error.code) == (429, "upstream_rate_limited")
    assert "no readable message" in error.message


def test_what_the_upstream_asks_to_wait_is_kept() -> None:
    assert asked(Answer(b"", status=429, retry_after="7")).retry_after == 7.0
    assert asked(Answer(b"", status=503, retry_after_ms="20")).retry_after == 0.02
    assert asked(Answer(b"", status=429, retry_after="Thu, 01 Jan 2026 00:00:09 GMT")).retry_after == 9.0
    assert asked(Answer(b"", status=429, retry_after="soon")).retry_after is None


def test_the_body_says_what_a_status_does_not() -> None:
    spent = b'{"error":{"message":"no money, sk-1","type":"insufficient_quota","code":"insufficient_quota"}}'
    error = asked(Answer(spent, status=429))
    assert (error.kind, error.status, error.code, error.upstream_status) == ("quota", 502, "upstream_auth", 429)
    assert "sk-1" not in error.message
    error = asked(Answer(b'{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}', status=400))
    assert (error.status, error.code, error.retryable) == (400, "context_length_exceeded", False)
    assert "prompt is too long: 9 tokens" in error.message


def test_aws_names_its_errors_in_a_header() -> None:
    answer = Answer(b'{"message":"Too many"}', status=400, x_amzn_errortype="ServiceQuotaExceededException:http://x/")
    assert asked(answer).kind == "quota"


def test_of_our_own_account_nothing_is_told_in_the_upstream_s_words() -> None:
    error = asked(Answer(b'{"error":{"message":"bad key sk-1"}}', status=401))
    assert "sk-1" not in error.message
    assert error.code == "upstream_auth"


def test_what_came_in_place_of_a_stream_is_told() -> None:
    error = no_stream_of(Answer(b'{"error":{"message":"model is loading"}}'))
    assert isinstance(error, UpstreamInvalid)
    assert "found application/json: model is loading" in error.message
    assert "no message" in no_stream_of(Answer(b"")).message


def test_an_error_that_came_in_place_of_a_stream_is_the_refusal_that_it_is() -> None:
    error = no_stream_of(Answer(b'{"error":{"message":"slow down","code":429}}'))
    assert isinstance(error, UpstreamRefused)
    assert (error.status, error.kind) == (429, "rate_limited")
    assert error.message.startswith(f"{deployment().id}: ")
    secret = no_stream_of(Answer(b'{"error":{"message":"bad key sk-1","code":401}}'))
    assert (secret.code, "sk-1" in secret.message) == ("upstream_auth", False)


@pytest.mark.parametrize("kind", ["sk-upstream-secret", "text/" + "x" * 50, "a/b c", "", "text/html\x1b"])
def test_a_content_type_that_is_none_is_not_repeated(kind: str) -> None:
    message = no_stream_of(Answer(b"", content_type=kind)).message
    assert "no content type that could be one" in message
    assert not kind or kind not in message


@pytest.mark.parametrize(
    ("data", "seen", "code", "retryable"),
    [
        (b'{"error":{"code":429,"message":"oh"}}', 429, "upstream_rate_limited", True),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"oh"}}', 502, "upstream_overloaded", True),
        (b'{"error":{"code":503,"message":"oh"}}', 502, "upstream_overloaded", True),
        (b'{"error":{"type":"server_error","message":"oh"}}', 502, "upstream_refused", True),
        (b'{"error":{"type":"invalid_request_error","message":"oh"}}', 400, "upstream_rejected", False),
        (b'{"error":{"code":"context_length_exceeded","message":"oh"}}', 400, "context_length_exceeded", False),
        (b'{"error":{"code":401,"message":"oh"}}', 502, "upstream_auth", True),
        (b'{"error":{"code":402,"message":"oh"}}', 502, "upstream_auth", True),
        (b'{"error":{"type":"permission_error","message":"oh"}}', 502, "upstream_auth", True),
    ],
)
def test_a_stream_that_is_no_more_than_a_no_is_a_refusal(data: bytes, seen: int, code: str, retryable: bool) -> None:
    late = late_refusal(broken_off(data), deployment())
    assert isinstance(late, UpstreamRefused)
    assert (late.status, late.code, late.retryable) == (seen, code, retryable)
    assert late.message.startswith(f"{deployment().id}: ")
    assert ("oh" in late.message) == (code != "upstream_auth")


def test_a_late_refusal_keeps_how_long_to_wait() -> None:
    broken = StreamBroken("slow down", upstream_status=429, kind="rate_limited", retry_after=1.5)
    assert getattr(late_refusal(broken, deployment()), "retry_after", 0) == 1.5


@pytest.mark.parametrize(
    "error",
    [StreamBroken("cut"), StreamBroken("cut", upstream_status=200), UpstreamInvalid("odd", upstream_status=429)],
)
def test_other_ends_of_a_stream_stay_what_they_are(error: UpstreamError) -> None:
    assert late_refusal(error, deployment()) is error
