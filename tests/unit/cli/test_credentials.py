"""From a config to a call that is proved, over real sockets: tokens are fetched, clouds believe them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gearshift.cli.assemble import assemble, prepare
from gearshift.config import from_mapping
from gearshift.errors import ConfigError
from gearshift.execution import tokens as tokens_module
from gearshift.protocols.bedrock_converse.frames import encode_frame
from gearshift.server.app import App
from tests.fakes.asgi import Visit
from tests.fakes.clouds import TOKEN, form, hands_out, service_account, tells, user
from tests.fakes.upstream import Scene, ScriptedUpstream, Wire, answers, refuses, sends

AZURE = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "app-1", "AZURE_CLIENT_SECRET": "app~secret"}
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-long-secret", "AWS_REGION": "eu-central-1"}
GOOGLE = {"GOOGLE_CLOUD_PROJECT": "project-1", "GOOGLE_CLOUD_LOCATION": "global"}
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


def mapping(folder: Path, providers: Mapping[str, object]) -> dict[str, Any]:
    at = [{"provider": name, "name": "m@1", "price": 0} for name in providers]
    models = {"m": {"deployments": at}}
    return {"providers": dict(providers), "models": models, "store": f"sqlite:///{folder / 'log.db'}"}


@asynccontextmanager
async def gateway(folder: Path, providers: Mapping[str, object], environ: Mapping[str, str]) -> AsyncIterator[App]:
    config = from_mapping(mapping(folder, providers), source="test", environ=environ)
    made = await asyncio.to_thread(assemble, config, environ)
    try:
        yield made.app
    finally:
        made.gateway.pacer.close()
        await made.site.upstream.close()
        made.site.store.close()


async def chat(app: App, model: str = "m", *, stream: bool = False) -> Visit:
    return await asking(app, model, stream=stream).done()


def asking(app: App, model: str = "m", *, stream: bool = False) -> Visit:
    said = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **({"stream": True} if stream else {})}
    body = json.dumps(said).encode()
    return Visit(app, "/v1/chat/completions", method="POST", body=body)


def test_gemini_on_vertex_is_called_with_a_service_accounts_token(tmp_path: Path) -> None:
    async def test() -> None:
        async with ScriptedUpstream(tells(GEMINI)) as cloud, ScriptedUpstream(hands_out()) as tokens:
            key = tmp_path / "key.json"
            key.write_text(service_account(tokens.base_url), encoding="utf-8")
            environ = {**GOOGLE, "GOOGLE_APPLICATION_CREDENTIALS": str(key)}
            async with gateway(tmp_path, {"vertex": {"base_url": cloud.base_url}}, environ) as app:
                for _ in range(2):
                    visit = await chat(app)
                    assert (visit.status, visit.json["choices"][0]["message"]["content"]) == (200, "Hello")
            assert [seen.headers["authorization"] for seen in cloud.log] == [f"Bearer {TOKEN}"] * 2
            assert cloud.log[0].target == "/v1/models/m%401:generateContent"
            assert len(tokens.log) == 1
            assert form(tokens.log[0]).keys() == {"grant_type", "assertion"}

    asyncio.run(test())


def test_claude_on_vertex_has_its_path_its_version_and_no_model_in_the_body(tmp_path: Path) -> None:
    async def test() -> None:
        async with ScriptedUpstream(tells(CLAUDE)) as cloud, ScriptedUpstream(hands_out()) as tokens:
            environ = {**GOOGLE, "MY_USER": user(tokens.base_url)}
            providers = {
                "vertex_anthropic": {
                    "base_url": cloud.base_url,
                    "auth": {"kind": "google", "credentials": "env:MY_USER"},
                }
            }
            async with gateway(tmp_path, providers, environ) as app:
                assert (await chat(app)).status == 200
            (seen,) = cloud.log
            assert seen.target == "/v1/models/m@1:rawPredict"
            assert seen.json["anthropic_version"] == "vertex-2023-10-16"
            assert "model" not in seen.json
            assert form(tokens.log[0])["grant_type"] == "refresh_token"

    asyncio.run(test())


def test_azure_is_called_with_entras_token(tmp_path: Path) -> None:
    async def test() -> None:
        async with ScriptedUpstream(answers()) as cloud, ScriptedUpstream(hands_out()) as tokens:
            environ = {**AZURE, "AZURE_AUTHORITY_HOST": tokens.base_url.removesuffix("/v1")}
            async with gateway(tmp_path, {"azure": {"base_url": cloud.base_url}}, environ) as app:
                assert (await chat(app)).status == 200
            assert cloud.log[0].headers["authorization"] == f"Bearer {TOKEN}"
            assert tokens.log[0].target == "/tenant-1/oauth2/v2.0/token"
            assert form(tokens.log[0])["scope"] == "https://cognitiveservices.azure.com/.default"

    asyncio.run(test())


@pytest.mark.parametrize(
    ("kind", "variable", "target", "header"),
    [
        ("google_metadata", "GCE_METADATA_HOST", "/computeMetadata/v1/instance/", ("metadata-flavor", "Google")),
        ("managed_identity", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "/metadata/identity/", ("metadata", "true")),
    ],
)
def test_a_machine_of_a_cloud_asks_the_server_beside_it(
    tmp_path: Path, kind: str, variable: str, target: str, header: tuple[str, str]
) -> None:
    async def test() -> None:
        async with ScriptedUpstream(answers()) as cloud, ScriptedUpstream(hands_out()) as tokens:
            environ = {variable: tokens.base_url.removesuffix("/v1")}
            providers = {"azure": {"base_url": cloud.base_url, "auth": kind}}
            async with gateway(tmp_path, providers, environ) as app:
                assert (await chat(app)).status == 200
            assert cloud.log[0].headers["authorization"] == f"Bearer {TOKEN}"
            assert tokens.log[0].target.startswith(target)
            assert tokens.log[0].headers[header[0]] == header[1]
            assert "content-length" not in tokens.log[0].headers

    asyncio.run(test())


def test_bedrock_is_called_with_a_signature(tmp_path: Path) -> None:
    async def test() -> None:
        async with ScriptedUpstream(answers()) as cloud:
            async with gateway(tmp_path, {"bedrock": {"base_url": cloud.base_url}}, AWS) as app:
                assert (await chat(app)).status == 200
            proof = cloud.log[0].headers["authorization"]
            assert proof.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            assert "/eu-central-1/bedrock/aws4_request" in proof

    asyncio.run(test())


FRAMES = [
    encode_frame(json.dumps(said).encode(), kind)
    for kind, said in (
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, "metrics": {"latencyMs": 1}}),
    )
]
STREAM = b"".join(FRAMES)
THROTTLED = encode_frame(b'{"message":"slow down"}', "throttlingException", kind="exception")


def frames(*pieces: bytes | float) -> Scene:
    return sends(*pieces, content_type="application/vnd.amazon.eventstream")


@pytest.mark.parametrize("key", [True, False])
def test_converse_streams_whatever_the_split(tmp_path: Path, key: bool) -> None:
    async def test() -> None:
        pieces = [STREAM[at : at + 7] for at in range(0, len(STREAM), 7)]
        async with ScriptedUpstream(frames(*pieces)) as cloud:
            environ = {"AWS_REGION": "eu-central-1", "AWS_BEARER_TOKEN_BEDROCK": "bedrock-key"} if key else AWS
            async with gateway(tmp_path, {"bedrock_converse": {"base_url": cloud.base_url}}, environ) as app:
                visit = await chat(app, stream=True)
            said = [each["choices"][0]["delta"].get("content") for each in visit.events[:-1] if each["choices"]]
            assert "".join(filter(None, said)) == "Hello"
            assert visit.body.endswith(b"data: [DONE]\n\n")
            assert visit.events[0]["id"].startswith("gx-")
            seen = cloud.log[0]
            assert seen.target == "/v1/model/m%401/converse-stream"
            assert seen.json == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
            proof = seen.headers["authorization"]
            assert proof.startswith("Bearer bedrock-key" if key else "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")

    asyncio.run(test())


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (frames(THROTTLED), "slow down (throttlingException)"),
        (frames(b"data: {}\n\n" * 9), "none of AWS's event stream"),
        (sends(b"{}", content_type="text/html"), "expected a application/vnd.amazon.eventstream, found text/html"),
        (tells({"message": "bad model"}, 400), "bad model"),
        (tells({"Message": "denied"}, 403), "our account was refused"),
    ],
)
def test_what_goes_wrong_with_converse_is_said(tmp_path: Path, scene: Scene, words: str) -> None:
    async def test() -> None:
        async with (
            ScriptedUpstream(scene) as cloud,
            gateway(tmp_path, {"bedrock_converse": {"base_url": cloud.base_url}}, AWS) as app,
        ):
            visit = await chat(app, stream=True)
            assert visit.status >= 400
            assert words in visit.json["error"]["message"]

    asyncio.run(test())


def test_a_converse_stream_that_breaks_midway_ends_in_an_error(tmp_path: Path) -> None:
    async def test() -> None:
        heard = asyncio.Event()

        async def breaks(wire: Wire) -> None:
            wire.head(content_type="application/vnd.amazon.eventstream", length=None)
            wire.piece(FRAMES[0] + FRAMES[1])
            await heard.wait()
            wire.piece(THROTTLED)
            await wire.then("end")

        async with (
            ScriptedUpstream(breaks) as cloud,
            gateway(tmp_path, {"bedrock_converse": {"base_url": cloud.base_url}}, AWS) as app,
        ):
            visit = asking(app, stream=True).start()
            await visit.until(lambda visit: bool(visit.pieces))
            heard.set()
            await visit.done()
            assert visit.status == 200
            assert visit.events[0]["choices"][0]["delta"]["role"] == "assistant"
            assert "slow down (throttlingException)" in visit.events[-1]["error"]["message"]
            assert b"[DONE]" not in visit.body

    asyncio.run(test())


def test_an_account_that_cannot_be_proved_fails_in_words_and_another_provider_answers(tmp_path: Path) -> None:
    async def test() -> None:
        refused = tells({"error": "invalid_client", "error_description": "app~secret"}, 401)
        async with ScriptedUpstream(answers()) as cloud, ScriptedUpstream(refused) as tokens:
            environ = {**AZURE, "AZURE_AUTHORITY_HOST": tokens.base_url.removesuffix("/v1")}
            lab = {"protocol": "openai_chat", "base_url": cloud.base_url}
            providers = {"azure": {"base_url": cloud.base_url}, "lab": lab}
            async with gateway(tmp_path, providers, environ) as app:
                alone = await chat(app, "azure/m")
                assert alone.status == 502
                assert alone.json["error"]["code"] == "upstream_auth"
                assert "127.0.0.1 answered 401 (invalid_client)" in alone.json["error"]["message"]
                assert b"app~secret" not in alone.body
                assert cloud.log == []
                both = await chat(app)
                assert (both.status, both.headers["x-gearshift-provider"]) == (200, "lab")
                assert both.headers["x-gearshift-attempts"] == "1"  # whose account is in trouble is not asked again

    asyncio.run(test())


def test_a_token_that_is_not_believed_any_more_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "RETRY_AFTER", -1.0)

    async def test() -> None:
        async with (
            ScriptedUpstream(answers(), refuses(401), answers()) as cloud,
            ScriptedUpstream(hands_out("one"), hands_out("two")) as tokens,
        ):
            environ = {**AZURE, "AZURE_AUTHORITY_HOST": tokens.base_url.removesuffix("/v1")}
            async with gateway(tmp_path, {"azure": {"base_url": cloud.base_url}}, environ) as app:
                assert [(await chat(app)).status for _ in range(2)] == [200, 200]
            said = [seen.headers["authorization"] for seen in cloud.log]
            assert said == ["Bearer one", "Bearer one", "Bearer two"]

    asyncio.run(test())


def test_a_token_that_the_cloud_repeats_is_taken_out(tmp_path: Path) -> None:
    async def test() -> None:
        async with ScriptedUpstream(refuses(400, f"bad {TOKEN}!")) as cloud, ScriptedUpstream(hands_out()) as tokens:
            environ = {**AZURE, "AZURE_AUTHORITY_HOST": tokens.base_url.removesuffix("/v1")}
            async with gateway(tmp_path, {"azure": {"base_url": cloud.base_url}}, environ) as app:
                visit = await chat(app)
                assert visit.status == 400
                assert "bad [key]!" in visit.json["error"]["message"]

    asyncio.run(test())


NO_BEDROCK_KEY = (
    "providers.bedrock.key: found the environment variable AWS_BEARER_TOKEN_BEDROCK unset or empty; set it, "
    "or say auth: sigv4 and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)


@pytest.mark.parametrize(
    ("provider", "environ", "faults"),
    [
        (
            "vertex",
            {},
            [
                "providers.vertex.project: found none that fits",
                "providers.vertex.region: found none that fits",
                "providers.vertex.auth.credentials: found the environment variable GOOGLE_APPLICATION_CREDENTIALS",
            ],
        ),
        ("vertex", {**GOOGLE, "GOOGLE_APPLICATION_CREDENTIALS": '{"type": "x"}'}, ["providers.vertex.auth: found a"]),
        (
            "vertex",
            {**GOOGLE, "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"},
            ["providers.vertex.auth.credentials"],
        ),
        (
            "bedrock",
            {"AWS_REGION": "us-east-1"},
            [
                NO_BEDROCK_KEY,
            ],
        ),
        (
            "bedrock",
            {"AWS_ACCESS_KEY_ID": "x"},
            ["providers.bedrock.region: found none", "providers.bedrock.auth.secret_access_key: found the environment"],
        ),
    ],
)
def test_all_that_is_missing_is_told_at_once(
    tmp_path: Path, provider: str, environ: dict[str, str], faults: list[str]
) -> None:
    config = from_mapping(mapping(tmp_path, {provider: {}}), source="test", environ=environ)
    with pytest.raises(ConfigError) as caught:
        prepare(config, environ)
    assert len(caught.value.faults) == len(faults), caught.value.faults
    for said, expected in zip(caught.value.faults, faults, strict=True):
        assert said.startswith(expected)
