"""Drive embeddings with the official clients of OpenAI and Google, before a provider of each, over real sockets."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from struct import pack
from typing import Any, TypeAlias

import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google
from msgspec import Struct

from gearshift.server.asgi import Receive, Scope, Send, read_body
from gearshift.types.catalog import Deployment, Price, Rates
from tests.fakes.house import House, house
from tests.fakes.nouns import PRICE, deployment, provider
from tests.fakes.polyglot import listening

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
"""google-genai's own affair (3.6)."""
VECTOR = [0.25, -1.5, 3.0]
EMBEDS = frozenset({"embeddings"})
Json: TypeAlias = dict[str, Any]


class Provider:
    """Make vectors in OpenAI's or Google's protocol, whichever is asked, or refuse with `status`."""

    def __init__(self, *, usage: bool = True) -> None:
        self.asked: list[tuple[str, Json]] = []
        self.raw: list[bytes] = []
        self.status = 200
        self.usage = usage
        self.short = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        raw = await read_body(scope, receive, 1 << 24)
        body: Json = json.loads(raw)
        self.raw.append(raw)
        self.asked.append((scope["path"], body))
        if self.status != 200:
            answer: Json = {"error": {"message": "the provider says no", "code": self.status, "status": "X"}}
        elif scope["path"].endswith("/embeddings"):
            answer = self._openai(body)
        else:
            answer = self._gemini(scope["path"], body)
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode(), "more_body": False})

    def _openai(self, body: Json) -> Json:
        given = body["input"]
        one = isinstance(given, str) or isinstance(given[0], int)
        count = (1 if one else len(given)) - self.short
        packed = b64encode(pack("<3f", *VECTOR)).decode()
        vector = packed if body.get("encoding_format") == "base64" else VECTOR
        data = [{"object": "embedding", "index": place, "embedding": vector} for place in range(count)]
        usage = {"usage": {"prompt_tokens": 7, "total_tokens": 7}} if self.usage else {}
        return {"object": "list", "data": data, "model": "embed-2026", "odd": 1.50, **usage}

    def _gemini(self, path: str, body: Json) -> Json:
        usage = {"usageMetadata": {"promptTokenCount": 7}} if self.usage else {}
        if path.endswith(":embedContent"):
            return {"embedding": {"values": VECTOR}, **usage}
        return {"embeddings": [{"values": VECTOR} for _ in body["requests"]], **usage}


class Site(Struct, frozen=True):
    """Hold a running gateway and the providers behind it."""

    url: str
    home: House
    fakes: dict[str, Provider]

    @property
    def fake(self) -> Provider:
        """Give the one provider."""
        (fake,) = self.fakes.values()
        return fake

    def openai(self) -> openai.AsyncOpenAI:
        """Give OpenAI's client."""
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0)

    def google(self) -> genai.Client:
        """Give Google's client."""
        return genai.Client(api_key="any", http_options=google.HttpOptions(base_url=self.url))


def embeds(name: str, base: str, protocol: str, **changes: object) -> Deployment:
    """Give a deployment that makes vectors, called as its provider unless `model` says otherwise."""
    model = str(changes.pop("model", "embed"))
    at = provider(name, base, protocol=protocol)
    return deployment(model, at, **{"price": PRICE, "capabilities": EMBEDS, **changes})  # type: ignore[arg-type]


Place: TypeAlias = Callable[[str, str], Deployment]


@asynccontextmanager
async def site(folder: Path, *protocols: str, usage: bool = True, **changes: object) -> AsyncIterator[Site]:
    """Serve the model `embed` at a provider of each of `protocols`."""
    fakes = {f"p{number}": Provider(usage=usage) for number in range(len(protocols))}
    bases: list[str] = []

    async def nest(left: list[Provider]) -> AsyncIterator[Site]:
        if left:
            async with listening(left[0]) as base:
                bases.append(base)
                async for made in nest(left[1:]):
                    yield made
            return
        at = [
            embeds(name, base, protocol, **changes)
            for name, base, protocol in zip(fakes, bases, protocols, strict=True)
        ]
        async with house(folder, *at) as home, listening(home.app) as url:
            yield Site(url, home, fakes)

    async for made in nest(list(fakes.values())):
        yield made


UPSTREAMS = pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "gemini"])


@UPSTREAMS
def test_openai_s_client_gets_vectors_whatever_the_provider_speaks(tmp_path: Path, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at, at.openai() as client:
            for encoding in ({}, {"encoding_format": "float"}):
                told = await client.embeddings.create(
                    model="embed",
                    input=["Zürich", "Oslo"],
                    dimensions=3,
                    **encoding,  # type: ignore[arg-type]
                )
                assert [each.embedding for each in told.data] == [VECTOR, VECTOR]
                assert [each.index for each in told.data] == [0, 1]
                assert told.model == "embed"
                assert (told.usage.prompt_tokens, told.usage.total_tokens) == (7, 7)
                assert told.usage.model_extra is not None
                assert told.usage.model_extra["cost"] == pytest.approx(7e-6)
            path, asked = at.fake.asked[-1]
            if upstream == "gemini":
                assert path == "/models/embed-v1:batchEmbedContents"
                assert asked["requests"][0] == {
                    "model": "models/embed-v1",
                    "content": {"parts": [{"text": "Zürich"}]},
                    "outputDimensionality": 3,
                }
            else:
                assert path == "/embeddings"
                assert (asked["model"], asked["input"], asked["dimensions"]) == ("embed-v1", ["Zürich", "Oslo"], 3)

    asyncio.run(scene())


def test_the_synchronous_client_is_answered_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat") as at:

            def ask() -> list[float]:
                with openai.OpenAI(base_url=f"{at.url}/v1", api_key="any", max_retries=0) as client:
                    return client.embeddings.create(model="embed", input="Oslo").data[0].embedding

            assert await asyncio.to_thread(ask) == VECTOR
            assert at.fake.asked[0][1] == {"model": "embed-v1", "input": "Oslo", "encoding_format": "base64"}

    asyncio.run(scene())


def test_base64_that_the_caller_asked_for_is_what_it_gets(tmp_path: Path) -> None:
    async def scene() -> None:
        for upstream in ("openai_chat", "gemini"):
            async with site(tmp_path / upstream, upstream) as at, at.openai() as client:
                told = await client.embeddings.create(model="embed", input="Oslo", encoding_format="base64")
                assert told.data[0].embedding == b64encode(pack("<3f", *VECTOR)).decode()  # type: ignore[comparison-overlap]

    (tmp_path / "openai_chat").mkdir()
    (tmp_path / "gemini").mkdir()
    asyncio.run(scene())


def test_token_ids_pass_where_the_provider_takes_them(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat") as at, at.openai() as client:
            assert len((await client.embeddings.create(model="embed", input=[[1, 2], [3]])).data) == 2
            assert len((await client.embeddings.create(model="embed", input=[1, 2, 3])).data) == 1
            assert [body["input"] for _, body in at.fake.asked] == [[[1, 2], [3]], [1, 2, 3]]

    asyncio.run(scene())


def test_a_provider_that_cannot_be_told_is_passed_over_or_says_why(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "gemini", "openai_chat") as at, at.openai() as client:
            await client.embeddings.create(model="embed", input=[1, 2, 3])
            first, second = at.fakes.values()
            assert (first.asked, len(second.asked)) == ([], 1)
        async with site(tmp_path / "alone", "gemini") as at, at.openai() as client:
            with pytest.raises(openai.BadRequestError, match="token ids, expected text"):
                await client.embeddings.create(model="embed", input=[1, 2, 3])
            with pytest.raises(openai.BadRequestError, match="input_type: gemini_embeddings has no words"):
                await client.embeddings.create(model="embed", input="a", extra_body={"input_type": "query"})

    (tmp_path / "alone").mkdir()
    asyncio.run(scene())


@UPSTREAMS
def test_google_s_client_gets_vectors_whatever_the_provider_speaks(tmp_path: Path, upstream: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, upstream) as at:
            client = at.google()
            config = google.EmbedContentConfig(output_dimensionality=3)
            told = await client.aio.models.embed_content(model="embed", contents=["Zürich", "Oslo"], config=config)
            assert [each.values for each in told.embeddings or ()] == [VECTOR, VECTOR]
            assert told.usage_metadata is not None
            assert told.usage_metadata.prompt_token_count == 7
            path, asked = at.fake.asked[-1]
            if upstream == "gemini":
                assert path == "/models/embed-v1:batchEmbedContents"
                assert [each["model"] for each in asked["requests"]] == ["models/embed-v1"] * 2
            else:
                assert asked == {
                    "model": "embed-v1",
                    "input": ["Zürich", "Oslo"],
                    "encoding_format": "float",
                    "dimensions": 3,
                }
            await client.aio.aclose()

    asyncio.run(scene())


def test_a_task_type_reaches_google_and_is_never_dropped_for_others(tmp_path: Path) -> None:
    async def scene() -> None:
        config = google.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
        async with site(tmp_path, "gemini") as at:
            client = at.google()
            await client.aio.models.embed_content(model="embed", contents="Oslo", config=config)
            assert at.fake.asked[0][1]["requests"][0]["taskType"] == "RETRIEVAL_QUERY"
            await client.aio.aclose()
        async with site(tmp_path / "other", "openai_chat") as at:
            client = at.google()
            with pytest.raises(google_errors.ClientError, match=r"requests\[0\].taskType: openai_embeddings has no"):
                await client.aio.models.embed_content(model="embed", contents="Oslo", config=config)
            assert at.fake.asked == []
            await client.aio.aclose()

    (tmp_path / "other").mkdir()
    asyncio.run(scene())


def test_one_content_by_itself_is_answered_by_itself(tmp_path: Path) -> None:
    async def scene() -> None:
        for upstream in ("gemini", "openai_chat"):
            (tmp_path / upstream).mkdir()
            async with site(tmp_path / upstream, upstream) as at:
                said = {"model": "models/embed", "content": {"parts": [{"text": "Oslo"}]}, "output_dimensionality": 3}
                visit = await at.home.post("/v1beta/models/embed:embedContent", said).done()
                assert visit.status == 200
                assert visit.json["embedding"] == {"values": VECTOR}
                assert visit.json["modelVersion"] == "embed"
                path, asked = at.fake.asked[0]
                if upstream == "gemini":
                    assert path == "/models/embed-v1:embedContent"
                    assert asked == {**said, "model": "models/embed-v1"}
                else:
                    assert asked["input"] == "Oslo"

    asyncio.run(scene())


def test_the_same_protocol_is_a_patch_of_the_model_and_the_usage(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat") as at:
            body = b'{ "input":["a"], "odd" : 1.50,"model":"embed", "metadata":{"team":"x"},"models":["embed"] }'
            visit = await at.home.post("/v1/embeddings", body, {"x-gearshift-metadata": "enabled"}).done()
            assert at.fake.raw[0] == b'{ "input":["a"], "odd" : 1.50,"model":"embed-v1" }'
            assert b'"data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.5, 3.0]}]' in visit.body
            assert visit.json["model"] == "embed"
            assert visit.json["gearshift"]["decision"]["chosen"] == "p0/embed"
            assert visit.headers["x-gearshift-model"] == "embed"
            assert visit.headers["x-gearshift-cost-usd"] == "0.000007"
            row = at.home.row()
            assert (row.protocol, row.path, row.outcome) == ("openai_embeddings", "/v1/embeddings", "completed")
            assert (row.input_tokens, row.output_tokens, row.cost) == (7, 0, 7000)

    asyncio.run(scene())


def test_another_deployment_of_the_model_stands_in_and_the_log_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat", "gemini") as at, at.openai() as client:
            first, second = at.fakes.values()
            first.status = 500
            told = await client.embeddings.create(model="auto", input=["a", "b"])
            assert len(told.data) == 2
            assert len(second.asked) == 1
            assert [each["status"] for each in json.loads(at.home.row().attempts)] == [500, 200]
        async with site(tmp_path / "short", "openai_chat", "gemini") as at, at.openai() as client:
            first, second = at.fakes.values()
            first.short = 1  # a vector is missing
            assert len((await client.embeddings.create(model="auto", input=["a", "b"])).data) == 2
            assert "found 1 vectors, expected 2" in json.loads(at.home.row().attempts)[0]["detail"]

    (tmp_path / "short").mkdir()
    asyncio.run(scene())


def test_usage_that_the_provider_does_not_report_is_estimated_and_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        for upstream in ("gemini", "openai_chat"):
            (tmp_path / upstream).mkdir()
            async with site(tmp_path / upstream, upstream, usage=False) as at:
                visit = await at.home.post("/v1/embeddings", {"model": "embed", "input": "Hello there"}).done()
                usage = visit.json["usage"]
                assert usage["prompt_tokens"] == usage["total_tokens"] > 0
                assert usage["estimated"] is True
                assert usage["cost_details"]["estimated"] is True
                assert at.home.row().usage_estimated

    asyncio.run(scene())


def test_a_price_that_is_not_known_is_null(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat", price=None) as at:
            visit = await at.home.post("/v1/embeddings", {"model": "embed", "input": "a"}).done()
            assert visit.json["usage"]["cost"] is None
            assert visit.headers["x-gearshift-cost-usd"] == "null"

    asyncio.run(scene())


def test_a_router_never_chooses_between_models(tmp_path: Path) -> None:
    async def scene() -> None:
        async with listening(Provider()) as base:
            small, large = (embeds("p", base, "openai_chat", model=name) for name in ("small", "large"))
            chat = deployment("talker", provider("p", base), capabilities=frozenset({"tools"}))
            async with house(tmp_path, small, large, chat) as home:
                body = {"model": "auto", "input": "a"}
                visit = await home.post("/v1/embeddings", body).done()
                assert visit.status == 400
                message = visit.json["error"]["message"]
                assert "2 models that make embeddings (small, large)" in message
                assert "name one of them" in message
                named = await home.post("/v1/embeddings", {**body, "model": "small"}).done()
                assert named.json["model"] == "small"
                fallbacks = await home.post("/v1/embeddings", {**body, "model": "small", "models": ["large"]}).done()
                assert fallbacks.status == 400
                only = {"plugins": [{"id": "auto-router", "allowed_models": ["large"]}]}
                narrowed = await home.post("/v1/embeddings", {**body, **only}).done()
                assert narrowed.json["model"] == "large"
                assert narrowed.headers["x-gearshift-reason"] == "only_model"

    asyncio.run(scene())


def test_who_makes_no_vectors_and_who_makes_nothing_else_are_refused_by_name(tmp_path: Path) -> None:
    async def scene() -> None:
        async with listening(Provider()) as base:
            vectors = embeds("p", base, "openai_chat", model="vectors")
            claude = embeds("a", base, "anthropic_messages", model="claude")
            talker = deployment("talker", provider("p", base), capabilities=frozenset({"tools"}))
            dark = deployment("dark", provider("p", base))
            async with house(tmp_path, vectors, claude, talker, dark) as home:
                for name, reason in (("talker", "capability_missing"), ("dark", "capability_unknown")):
                    visit = await home.post("/v1/embeddings", {"model": name, "input": "a"}).done()
                    assert visit.status == 422
                    assert (
                        f"p/{name}: {reason}: the request asks {name} for embeddings" in visit.json["error"]["message"]
                    )
                visit = await home.post("/v1/embeddings", {"model": "claude", "input": "a"}).done()
                assert "speaks anthropic_messages, which has no embeddings" in visit.json["error"]["message"]
                chat = await home.chat("vectors").done()
                assert chat.status == 422
                assert "vectors makes embeddings, the request asks it for an answer" in chat.json["error"]["message"]

    asyncio.run(scene())


def test_limits_of_length_and_cost_hold_for_what_a_router_chooses(tmp_path: Path) -> None:
    async def scene() -> None:
        price = Price(rates=Rates(input=10**9, output=0), source="config")
        async with site(tmp_path, "openai_chat", context_window=8, price=price) as at:
            visit = await at.home.post("/v1/embeddings", {"model": "auto", "input": ["a", list(range(9))]}).done()
            assert visit.status == 422
            assert "an input of at least 9 tokens does not fit its window of 8" in visit.json["error"]["message"]
            headers = {"x-gearshift-max-cost-usd": "0.000001"}
            visit = await at.home.post("/v1/embeddings", {"model": "auto", "input": "a b c d e f g"}, headers).done()
            assert "max_cost" in visit.json["error"]["message"]
            assert at.fake.asked == []

    asyncio.run(scene())


def test_the_decision_on_vectors_can_be_asked_for_alone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with site(tmp_path, "openai_chat") as at:
            bodies: tuple[Json, ...] = (
                {"model": "embed", "input": ["a"]},
                {"model": "embed", "input": "a", "encoding_format": "float"},
                {"model": "models/embed", "content": {"parts": [{"text": "a"}]}},
                {"model": "embed", "requests": [{"content": {"parts": [{"text": "a"}]}}]},
            )
            for body in bodies:
                visit = await at.home.post("/v1/route", body).done()
                assert (visit.status, visit.json["chosen"], visit.json["task"]) == (200, "p0/embed", None)
            assert at.fake.asked == []

    asyncio.run(scene())
