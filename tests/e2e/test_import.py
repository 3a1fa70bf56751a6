"""Move from LiteLLM: its config is imported, checked and served, and callers' model names are answered as before."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Gateway, serving

Run = Callable[..., subprocess.CompletedProcess[str]]
SECRET = "made-up-azure-key-1"
CONFIG = """
model_list:
  - model_name: assistant
    litellm_params:
      model: azure/assistant-eu
      api_base: {base}/eu/
      api_key: {secret}
      api_version: "2024-06-01"
      rpm: 60
  - model_name: broken
    litellm_params: {{model: openai/always-down, api_base: "{base}/v1", api_key: os.environ/LAB_KEY}}
  - model_name: elsewhere
    litellm_params: {{model: sagemaker/llama}}
  - model_name: vectors
    litellm_params: {{model: openai/acme-vectors, api_base: "{base}/v1", api_key: os.environ/LAB_KEY}}
    model_info: {{mode: embedding, input_cost_per_token: 0.000001}}
  - model_name: signed
    litellm_params:
      model: bedrock/converse/us.amazon.nova-pro-v1:0
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: {base}
      aws_access_key_id: os.environ/OUR_ID
      aws_secret_access_key: os.environ/OUR_SECRET
router_settings:
  model_group_alias: {{"gpt-4": assistant, "openai/gpt-4": assistant}}
  fallbacks: [{{"broken": ["assistant"]}}]
general_settings: {{master_key: os.environ/MASTER_KEY}}
"""


class Upstream(BaseHTTPRequestHandler):
    """Answer like OpenAI, but for one model that is down; keep what was asked."""

    asked: list[tuple[str, dict[str, str], str]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        model = body.get("model", "converse")
        self.asked.append((self.path, headers, model))
        down = model == "always-down"
        message = {"role": "assistant", "content": "hello from " + model}
        answer: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
        if model == "converse":
            said = {"role": "assistant", "content": [{"text": "hello from nova"}]}
            usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
            answer = {"output": {"message": said}, "stopReason": "end_turn", "usage": usage}
        if self.path.endswith("/embeddings"):
            vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
            usage = {"prompt_tokens": 1000, "total_tokens": 1000}
            answer = {"object": "list", "data": [vector], "model": model, "usage": usage}
        data = json.dumps({"error": {"message": "down"}} if down else answer).encode()
        self.send_response(503 if down else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[tuple[str, dict[str, str], str]]]]:
    asked: list[tuple[str, dict[str, str], str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Ours", (Upstream,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def ask(gateway: Gateway, model: str) -> tuple[str, str]:
    """Ask a model as LiteLLM's callers do; give what it said, and the model that answered."""
    answer = post(gateway, "chat/completions", {"model": model, "messages": [{"role": "user", "content": "hi"}]})
    return answer["choices"][0]["message"]["content"], answer["model"]


def post(gateway: Gateway, path: str, asked: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(asked).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-made-up-master"}
    request = urllib.request.Request(f"{gateway.url}/v1/{path}", body, headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
        answer: dict[str, Any] = json.load(response)
    return answer


def test_callers_of_litellm_are_answered_under_the_names_that_they_know(
    tmp_path: Path, gearshift: Run, upstream: tuple[str, list[tuple[str, dict[str, str], str]]]
) -> None:
    base, asked = upstream
    (tmp_path / "config.yaml").write_text(CONFIG.format(base=base, secret=SECRET))

    done = gearshift("import", "litellm", "config.yaml", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "model_list[2].litellm_params.model (line 13): found sagemaker/llama" in done.stdout
    assert SECRET not in done.stdout + done.stderr + (tmp_path / "gearshift.yaml").read_text()
    missing = gearshift("check", cwd=tmp_path)
    assert missing.returncode == 3
    assert all(name in missing.stderr for name in ("AZURE_KEY", "LAB_KEY", "MASTER_KEY"))
    environ = {"AZURE_KEY": SECRET, "LAB_KEY": "made-up-lab-key", "MASTER_KEY": "sk-made-up-master"}
    environ |= {"OUR_ID": "AKMADEUP", "OUR_SECRET": "made-up-aws-secret"}
    assert gearshift("check", cwd=tmp_path, environ=environ).returncode == 0

    with serving(tmp_path, "--config", "gearshift.yaml", environ=environ) as gateway:
        names = {"assistant": "assistant", "gpt-4": "assistant", "openai/gpt-4": "openai/gpt-4", "broken": "assistant"}
        for name, answered in names.items():
            assert ask(gateway, name) == ("hello from assistant-eu", answered)
        broken = asked[-2:]
        vectors = post(gateway, "embeddings", {"model": "vectors", "input": "a text"})
        assert ask(gateway, "signed") == ("hello from nova", "signed")

    path, headers, _ = asked[0]
    assert (path, headers["api-key"]) == ("/eu/openai/v1/chat/completions", SECRET)
    assert [model for _, _, model in broken] == ["always-down", "assistant-eu"]
    assert broken[0][1]["authorization"] == "Bearer made-up-lab-key"
    assert (vectors["data"][0]["embedding"], vectors["usage"]["cost"]) == ([0.5, 0.25], 0.001)
    path, headers, _ = asked[-1]
    assert path == "/model/us.amazon.nova-pro-v1%3A0/converse"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKMADEUP/")
    assert "/us-east-1/bedrock/aws4_request" in headers["authorization"]
