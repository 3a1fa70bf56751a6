"""Own simonw's `llm`, as the command that its users type, with the gateway's models as extra OpenAI models."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from llm.cli import cli

Told = dict[str, Any]
WEATHER = """\
def weather(city: str) -> str:
    "Tell the weather of a city."
    return {result!r}
"""


class LlmError(Exception):
    """The command failed; its words are what it wrote to stderr."""


class Shell:
    """Play each scene with one command."""

    def __init__(self, kind: str, job: Told) -> None:
        self._job = job
        self._kind = kind
        self._folder = Path(tempfile.mkdtemp(dir=job["folder"]))
        os.environ["LLM_USER_PATH"] = str(self._folder)

    async def chat(self, prompt: str, name: str) -> Told:
        """Ask."""
        return await self._told("--no-stream", prompt, name=name)

    async def stream(self, prompt: str, name: str) -> Told:
        """Ask, and take the answer as it comes."""
        return await self._told(prompt, name=name)

    async def tools(self, prompt: str, name: str, *options: str) -> Told:
        """Ask with a tool, which the command calls."""
        functions = WEATHER.format(result=self._job["weather"])
        told = await self._told(*options, "--functions", functions, prompt, name=name)
        calls = [[call["name"], call["arguments"]] for entry in await self._log(2) for call in entry["tool_calls"]]
        return {**told, "calls": calls}

    async def tools_streamed(self, prompt: str, name: str) -> Told:
        """Do the same with streams, which is what the command does unless told otherwise."""
        return await self.tools(prompt, name)

    async def object(self, prompt: str, name: str) -> Told:
        """Ask for an answer of a schema."""
        return dict(json.loads((await self._told("--schema", "name, born int", prompt, name=name))["text"]))

    async def image(self, prompt: str, name: str) -> Told:
        """Ask about a picture."""
        picture = self._folder / "picture.png"
        picture.write_bytes(b64decode(self._job["image"]))
        return await self._told("--attachment", str(picture), prompt, name=name)

    async def _told(self, *arguments: str, name: str) -> Told:
        extra = {
            "model_id": "gearshift",
            "model_name": name,
            "api_base": f"{self._job['url']}/v1",
            "supports_tools": True,
            "supports_schema": True,
            "vision": True,
            "responses": self._kind == "responses",
        }
        (self._folder / "extra-openai-models.yaml").write_text(yaml.safe_dump([extra]))
        text = (await self._run("prompt", "--model", "gearshift", "--key", self._job["key"], *arguments)).strip()
        (entry,) = await self._log(1)
        return {"text": text, "finish": None, "tokens": [entry["input_tokens"], entry["output_tokens"]]}

    async def _log(self, count: int) -> list[Told]:
        told = CliRunner().invoke(cli, ["logs", "--json", "--count", str(count)])  # in this process: it is read often
        if told.exit_code:
            raise LlmError(told.output)
        return list(json.loads(told.stdout))

    async def _run(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("llm"),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        if process.returncode:
            raise LlmError(complained.decode().strip())
        return said.decode()


client = Shell
