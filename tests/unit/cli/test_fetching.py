from __future__ import annotations

import asyncio

import pytest

from gearshift.cli.fetching import fetch
from gearshift.errors import GearshiftError, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from tests.fakes.upstream import Scene, ScriptedUpstream, Seen, closed_port, http, refuses, says, sends


def get(scene: Scene, *, limit: int = 10_000, patience: float = 5) -> tuple[bytes, Seen]:
    async def run() -> tuple[bytes, Seen]:
        async with ScriptedUpstream(scene) as upstream:
            body = await fetch(upstream.base_url + "/x", {"x-key": "made-up"}, limit=limit, patience=patience)
            return body, upstream.log[0]

    return asyncio.run(run())


def test_a_body_is_given_whole_and_asked_for_plain() -> None:
    body, seen = get(sends(b"one", b"two"))
    assert (body, seen.target) == (b"onetwo", "/v1/x")
    assert (seen.headers["accept-encoding"], seen.headers["x-key"]) == ("identity", "made-up")


@pytest.mark.parametrize(
    ("scene", "kind", "message"),
    [
        (refuses(401, "secret words"), UpstreamInvalid, "answered 401, expected 200"),
        (says(http(b"", "location: http://127.0.0.1:1/", "content-length: 0", status=302)), UpstreamInvalid, "302"),
        (sends(b"x" * 20_000), UpstreamInvalid, "found more than 10000 bytes"),
        (says(b"garbage\r\n\r\n", then="close"), UpstreamInvalid, "no usable answer"),
        (says(b"", then="close"), UpstreamInvalid, "no usable answer"),
        (sends(b"x", then="close"), UpstreamInvalid, "no usable answer"),
        (says(b"", then="hang"), UpstreamTimeout, "no answer within 0.2 s"),
        (sends(b"x", then="hang"), UpstreamTimeout, "no answer within 0.2 s"),
    ],
)
def test_what_goes_wrong_is_said_in_our_words(scene: Scene, kind: type[GearshiftError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        get(scene, patience=0.2)
    assert "secret words" not in caught.value.message


def test_nobody_there() -> None:
    with pytest.raises(UpstreamUnreachable, match="no connection"):
        asyncio.run(fetch(f"http://127.0.0.1:{closed_port()}/", {}, limit=1, patience=5))


@pytest.mark.parametrize("url", ["", "no url", "ftp://127.0.0.1/x", "http:///x"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(UpstreamInvalid, match="check the URL"):
        asyncio.run(fetch(url, {}, limit=1, patience=5))
