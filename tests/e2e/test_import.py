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
        self.asked.append((self.path, headers, body["model"]))
        down = body["model"] == "always-down"
        message = {"role": "assistant", "content": "hello from " + body["model"]}
        answer: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
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
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-made-up-master"}
    request = urllib.request.Request(f"{gateway.url}/v1/chat/completions", body, headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
        answer = json.load(response)
    return answer["choices"][0]["message"]["content"], answer["model"]


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
    assert gearshift("check", cwd=tmp_path, environ=environ).returncode == 0

    with serving(tmp_path, "--config", "gearshift.yaml", environ=environ) as gateway:
        names = {"assistant": "assistant", "gpt-4": "assistant", "openai/gpt-4": "openai/gpt-4", "broken": "assistant"}
        for name, answered in names.items():
            assert ask(gateway, name) == ("hello from assistant-eu", answered)

    path, headers, _ = asked[0]
    assert (path, headers["api-key"]) == ("/eu/openai/v1/chat/completions", SECRET)
    assert [model for _, _, model in asked[-2:]] == ["always-down", "assistant-eu"]
    assert asked[-2][1]["authorization"] == "Bearer made-up-lab-key"
