"""Own the drive: a replay upstream, the gateway as a child process, and every test prompt over HTTP at every dial."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import pyarrow.parquet as pq
import yaml

from gearshift.simulate.child import start_child
from gearshift.simulate.replay import read_mark
from tools.routing_bench.study import Study

CONCURRENCY: Final = 16
_READY: Final = re.compile(r"ready on (http://\S+/v1)")

Answers = dict[str, dict[str, tuple[str, float]]]
"""Per asked model, per prompt: the model that answered and what that cost in USD."""


async def drive(stack: AsyncExitStack, study: Study, folder: Path) -> Answers:
    """Ask every test prompt of every router and of every model by name; everything goes over HTTP."""
    child = await stack.enter_async_context(start_child(replay=[folder / "test.parquet"]))
    rows = pq.read_table(folder / "test.parquet", columns=["prompt", "model"]).to_pylist()
    prompts = sorted({row["prompt"] for row in rows})
    config = _config(study, folder, child.base_url, child.models)
    url = await _serve(stack, config, folder)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    slots = asyncio.Semaphore(CONCURRENCY)

    async def ask(asked: str, prompt: str) -> tuple[str, float] | None:
        body = {"model": asked, "messages": [{"role": "user", "content": prompt}]}
        async with slots, session.post(f"{url}/chat/completions", json=body) as response:
            answer = await response.json()
        if response.status == 502 and "unknown_prompt" in str(answer):  # noqa: PLR2004 - that model lacks the prompt
            return None
        response.raise_for_status()
        mark = read_mark(answer["choices"][0]["message"]["content"])
        assert mark is not None, answer  # noqa: S101 - the replay upstream answers with nothing else
        return answer["model"], answer["usage"]["cost"]

    answers: Answers = {}
    for asked in [*config["routers"], *child.models]:
        found = await asyncio.gather(*(ask(asked, prompt) for prompt in prompts))
        answers[asked] = {prompt: got for prompt, got in zip(prompts, found, strict=True) if got is not None}
        print(f"  {asked}: {len(answers[asked])} answers", file=sys.stderr)
    return answers


def _config(study: Study, folder: Path, base_url: str, models: tuple[str, ...]) -> dict[str, Any]:
    prices = dict(yaml.safe_load((folder / "prices.yaml").read_text()))
    return {
        "server": {"port": 0},
        "store": f"sqlite:///{folder / 'log.db'}",
        "providers": {"replay": {"protocol": "openai_chat", "base_url": base_url, "simulated": True}},
        "models": {
            name: {
                "capabilities": [],
                "deployments": [{"provider": "replay", "price": {"input": prices[name][0], "output": prices[name][1]}}],
            }
            for name in models
        },
        "routers": {
            f"auto-{dial:g}": {
                "candidates": list(models),
                "predictor": str(folder / "router"),
                "objective": {"willingness_to_pay": dial},
            }
            for dial in study.dials
        },
    }


async def _serve(stack: AsyncExitStack, config: dict[str, Any], folder: Path) -> str:
    """Start the gateway as a child process; give its base URL."""
    path = folder / "gearshift.yaml"
    path.write_text(yaml.safe_dump(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gearshift", "serve", "--config", str(path),
        env=dict(os.environ), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def stop() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(stop)
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    said = b""
    while line := await process.stderr.readline():
        said += line
        if found := _READY.search(line.decode()):
            drain = asyncio.create_task(process.stderr.read())
            stack.callback(drain.cancel)
            return found[1]
    raise RuntimeError(f"the gateway did not start:\n{said.decode()}")
