from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gearshift.errors import StreamBroken, UpstreamError, UpstreamInvalid, UpstreamRefused
from gearshift.execution import refusal as module
from gearshift.execution.refusal import late_refusal, no_stream, refusal
from gearshift.execution.upstream import Reply
from gearshift.protocols.openai_chat import codec
from gearshift.protocols.voice import Voice
from gearshift.types.catalog import Deployment
from tests.fakes.nouns import deployment


class Answer:
    """Be a reply whose head has come; `body` comes at once, never (None), or fails."""

    def __init__(
        self,
        body: bytes | UpstreamError | None,
        *,
        status: int = 200,
        content_type: str = "application/json",
        retry_after: str | None = None,
    ) -> None:
        self._body = body
        self.status = status
        self.content_type = content_type
        self.retry_after = retry_after

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


def asked(what: Callable[..., Awaitable[UpstreamError]], answer: Answer) -> UpstreamError:
    async def scene() -> UpstreamError:
        return await what(answer, deployment(), codec)

    return asyncio.run(scene())


def test_the_words_of_a_refusal_are_told_whole() -> None:
    body = b'{"error":{"message":"%b"}}' % (b"x" * 5000)
    error = asked(refusal, Answer(body, status=400))
    assert (error.status, error.code) == (400, "upstream_rejected")
    assert error.message.endswith("x" * 5000)


@pytest.mark.parametrize("body", [None, UpstreamInvalid("too long"), StreamBroken("cut")])
def test_the_status_decides_when_the_body_does_not_come(
    body: UpstreamError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    error = asked(refusal, Answer(body, status=429, retry_after="7"))
    assert (error.status, error.code) == (429, "upstream_rate_limited")
    assert "no readable message" in error.message


@pytest.mark.parametrize(("said", "wait"), [("7", 7), ("1234567", None), ("²", None), ("-1", None), (None, None)])
def test_only_plain_seconds_are_a_time_to_wait(said: str | None, wait: int | None) -> None:
    error = asked(refusal, Answer(b"", status=429, retry_after=said))
    assert getattr(error, "retry_after", 0) == wait


def test_of_our_own_account_nothing_is_told_in_the_upstream_s_words() -> None:
    error = asked(refusal, Answer(b'{"error":{"message":"bad key sk-1"}}', status=401))
    assert "sk-1" not in error.message
    assert error.code == "upstream_auth"


async def _stream(reply: Reply, deployment: Deployment, codec: Voice) -> UpstreamInvalid:
    return await no_stream(reply, deployment, codec, "text/event-stream")


def test_what_came_in_place_of_a_stream_is_told() -> None:
    error = asked(_stream, Answer(b'{"error":{"message":"model is loading"}}'))
    assert "found application/json: model is loading" in error.message


@pytest.mark.parametrize("kind", ["sk-upstream-secret", "text/" + "x" * 50, "a/b c", "", "text/html\x1b"])
def test_a_content_type_that_is_none_is_not_repeated(kind: str) -> None:
    message = asked(_stream, Answer(b"", content_type=kind)).message
    assert "no content type that could be one" in message
    assert not kind or kind not in message


def test_a_stream_that_is_no_more_than_a_no_is_a_refusal() -> None:
    late = late_refusal(StreamBroken("slow down", upstream_status=429), deployment())
    assert isinstance(late, UpstreamRefused)
    assert (late.status, late.code, late.message) == (429, "upstream_rate_limited", f"{deployment().id}: slow down")


@pytest.mark.parametrize("error", [StreamBroken("cut"), UpstreamInvalid("odd", upstream_status=429)])
def test_other_ends_of_a_stream_stay_what_they_are(error: UpstreamError) -> None:
    assert late_refusal(error, deployment()) is error
