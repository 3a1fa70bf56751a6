"""Images by URL, through the whole gateway: fetched where an upstream needs their bytes and the operator allows it."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

from msgspec.structs import replace

from gearshift.execution.fetching import Bounds, Fetcher
from gearshift.types.catalog import Deployment, Quirks
from tests.fakes.house import LIMITS, house, served_by
from tests.fakes.nouns import SECRET, deployment, provider
from tests.fakes.upstream import Scene, ScriptedUpstream, Wire, answers, refuses

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
SEES = frozenset({"vision"})
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "A cat."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
}


def pictures(*scenes: Scene) -> ScriptedUpstream:
    """Be a server of images."""

    async def picture(wire: Wire) -> None:
        wire.head(content_type="image/png", length=len(PNG))
        wire.send(PNG)

    return ScriptedUpstream(*scenes or (picture,))


def seeing(server: ScriptedUpstream) -> bytes:
    """Ask about two images, of which both are the same."""
    image = {"type": "image_url", "image_url": {"url": server.base_url}}
    said = [{"role": "user", "content": [{"type": "text", "text": "What?"}, image, image]}]
    return json.dumps({"model": "auto", "messages": said}).encode()


def converse(upstream: ScriptedUpstream) -> Deployment:
    return deployment("claude", provider("aws", upstream.base_url, protocol="bedrock_converse"), capabilities=SEES)


def direct(upstream: ScriptedUpstream) -> Deployment:
    return replace(served_by(upstream), capabilities=SEES)


def conversed() -> Scene:
    body = json.dumps(CONVERSED).encode()

    async def scene(wire: Wire) -> None:
        wire.head(length=len(body))
        wire.send(body)

    return scene


LENIENT = Fetcher(Bounds(max_bytes=4096, timeout=1.0), allowed=lambda _: True)


def test_an_image_is_fetched_for_an_upstream_that_takes_its_bytes_where_that_is_allowed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pictures() as server, ScriptedUpstream(conversed()) as upstream:
            async with house(tmp_path, converse(upstream), fetcher=LENIENT) as home:
                visit = await home.chat(body=seeing(server), headers={"x-gearshift-metadata": "enabled"}).done()
            assert (visit.status, visit.json["choices"][0]["message"]["content"]) == (200, "A cat.")
            _, *images = upstream.log[0].json["messages"][0]["content"]
            source = {"format": "png", "source": {"bytes": base64.b64encode(PNG).decode()}}
            assert images == [{"image": source}] * 2
            assert len(server.log) == 1
            assert SECRET not in str(server.log[0].headers)
            (made,) = visit.json["gearshift"]["attempts"]
            assert ("messages[0].content[1]", "mapped") in {(each["field"], each["kind"]) for each in made["losses"]}

    asyncio.run(scene())


def test_an_upstream_of_the_same_protocol_is_told_bytes_too_where_it_needs_them(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pictures() as server, ScriptedUpstream(answers("A cat.")) as upstream:
            local = provider("ollama", upstream.base_url, quirks=Quirks(needs_bytes=("image",)))
            async with house(tmp_path, deployment("llava", local, capabilities=SEES), fetcher=LENIENT) as home:
                assert (await home.chat(body=seeing(server)).done()).status == 200
            _, *images = upstream.log[0].json["messages"][0]["content"]
            url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
            assert images == [{"type": "image_url", "image_url": {"url": url}}] * 2

    asyncio.run(scene())


def test_an_image_is_never_fetched_without_leave_nor_without_need(tmp_path: Path) -> None:
    async def scene() -> None:
        async with pictures() as server, ScriptedUpstream(answers("A cat.")) as upstream:
            async with house(tmp_path, converse(upstream)) as home:
                visit = await home.chat(body=seeing(server)).done()
                assert (visit.status, visit.json["error"]["param"]) == (400, "messages[0].content[1]")
                assert "have the operator allow media.fetch" in visit.json["error"]["message"]
            (tmp_path / "b").mkdir()
            async with house(tmp_path / "b", direct(upstream), fetcher=LENIENT) as home:
                body = seeing(server)
                assert (await home.chat(body=body).done()).status == 200
                assert upstream.log[0].body == body.replace(b'"auto"', b'"small-v1"')
            assert server.log == []

    asyncio.run(scene())


def test_who_takes_urls_answers_where_an_image_could_not_be_fetched(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            pictures(refuses(404)) as server,
            ScriptedUpstream(conversed()) as first,
            ScriptedUpstream(answers("A cat.")) as second,
        ):
            async with house(tmp_path, converse(first), direct(second), fetcher=LENIENT) as home:
                visit = await home.chat(body=seeing(server), headers={"x-gearshift-metadata": "enabled"}).done()
            assert (visit.status, visit.json["model"], first.log) == (200, "small", [])
            passed, _ = visit.json["gearshift"]["attempts"]
            assert (passed["error"], passed["billing"]) == ("cannot_carry", "not_sent")
            assert "found 404 at its address" in passed["detail"]

    asyncio.run(scene())


def test_a_fetch_counts_against_the_deadline_of_the_exchange(tmp_path: Path) -> None:
    async def silent(wire: Wire) -> None:
        await wire.gone.wait()

    async def scene() -> None:
        limits = replace(LIMITS, deadline=0.2)
        patient = Fetcher(Bounds(max_bytes=4096, timeout=60.0), allowed=lambda _: True)
        async with pictures(silent) as server, ScriptedUpstream(conversed()) as upstream:
            async with house(tmp_path, converse(upstream), fetcher=patient, limits=limits) as home:
                visit = await home.chat(body=seeing(server)).done()
            assert (visit.status, upstream.log) == (504, [])
            await server.log[0].gone.wait()

    asyncio.run(scene())
