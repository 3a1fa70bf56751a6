"""Own `gearshift demo`: prove the idea on this machine, without a key, in a few minutes.

    start the demo providers and a gateway ─> ask every model every graded prompt, through the gateway
    ─> train a router on one half of the prompts ─> route the other half with `auto`, through the gateway ─> compare

Invariant: every answer comes over HTTP through the running gateway; the half that is reported was not trained on.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gearshift.cli.printing import AsJson, as_text

if TYPE_CHECKING:
    from gearshift.cli.assemble import Assembly
    from gearshift.cli.demo_client import Graded
    from gearshift.simulate.prompts import GradedPrompt

LOCAL_MODEL: Final = "smol"


def demo(
    seed: Annotated[int, typer.Option(help="Seed of the split and of training.")] = 0,
    local_model: Annotated[bool, typer.Option(help="Include the real local language model, the slow one.")] = True,
    keep: Annotated[bool, typer.Option("--serve", help="Go on serving the trained router when done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Route graded prompts through a running gateway and print what that cost and scored. Needs no key."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_demo(seed, local_model=local_model, keep=keep, as_json=as_json))


async def _demo(seed: int, *, local_model: bool, keep: bool, as_json: bool) -> None:
    from gearshift.cli.demo_client import DemoClient
    from gearshift.cli.demo_report import Report

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gearshift-demo-")))
        running = await Running.start(stack, folder, local_model=local_model)
        client = await stack.enter_async_context(DemoClient(running.url))
        train, test = split(running.prompts, seed)
        outcomes = await client.ask_all(running.prompts, running.models, "asking every model every prompt")
        learned = [graded for graded in outcomes if graded.prompt.id in {prompt.id for prompt in train}]
        began = time.monotonic()
        artifact = await asyncio.to_thread(fit, learned, folder / "router", seed)  # the gateway lives on this loop
        seconds = time.monotonic() - began
        running.use(artifact)
        routed = await client.ask_all(test, ["auto"], "routing the other half with auto")
        known = [graded for graded in outcomes if graded.prompt.id in {prompt.id for prompt in test}]
        report = Report(learned, known, routed, seed=seed, training_seconds=seconds, notes=running.notes)
        typer.echo(as_text(report.document()) if as_json else report.text())
        if keep:
            typer.echo(f"still serving the trained router on {running.url}/v1 (Ctrl-C ends it)", err=True)
            await running.ended


class Running:
    """Hold the demo providers and a gateway over them, running in this process's loop."""

    def __init__(self, assembly: Assembly, url: str, mapping: dict[str, Any], notes: list[str]) -> None:
        from gearshift.simulate.prompts import load_prompts

        self._assembly = assembly
        self._mapping = mapping
        self.url = url
        self.notes = notes
        self.models: list[str] = list(mapping["routers"]["auto"]["candidates"])
        self.prompts = load_prompts()
        self.ended: asyncio.Task[None]

    @classmethod
    async def start(
        cls, stack: AsyncExitStack, folder: Path, *, local_model: bool = True, predictor: str = "builtin"
    ) -> Running:
        """Start everything, with `predictor` for the router until `use`; `stack` ends it."""
        from gearshift.cli.assemble import assemble
        from gearshift.cli.demo_client import wait_until_loaded
        from gearshift.cli.demo_config import demo_mapping, describe
        from gearshift.cli.listen import Server, address, bind
        from gearshift.config import from_mapping
        from gearshift.simulate.child import start_child
        from gearshift.simulate.roster import CARDS

        wanted = None if local_model else [name for name in CARDS if name != LOCAL_MODEL]
        child = await stack.enter_async_context(start_child(models=wanted))
        mapping = demo_mapping(child.base_url, child.models)
        mapping["routers"]["auto"]["predictor"] = predictor
        mapping["store"] = f"sqlite:///{folder / 'log.db'}"
        mapping["reliability"] = {"first_token_timeout": "120s"}
        config = from_mapping(mapping, source="the demo", environ={})
        listener = bind("127.0.0.1", 0)
        assembly = assemble(config, os.environ)
        started = asyncio.Event()
        server = Server(assembly.app, assembly.site.gate, config.server.shutdown_grace, started.set)
        running = cls(assembly, address(listener), mapping, describe(child.models, child.unavailable))
        running.ended = asyncio.create_task(server.serve(sockets=[listener]))

        async def stop() -> None:
            server.should_exit = True
            await running.ended

        stack.push_async_callback(stop)
        await started.wait()
        await wait_until_loaded(child.base_url)
        return running

    def use(self, artifact: Path) -> None:
        """Let `auto` decide by the router that was just trained."""
        from gearshift.cli.assemble import make_world
        from gearshift.config import from_mapping

        auto = {**self._mapping["routers"]["auto"], "predictor": str(artifact)}
        config = from_mapping({**self._mapping, "routers": {"auto": auto}}, source="the demo", environ={})
        self._assembly.gateway.world = make_world(config, self._assembly.catalog)


def split(prompts: Iterable[GradedPrompt], seed: int) -> tuple[list[GradedPrompt], list[GradedPrompt]]:
    """Part the prompts into halves, each family evenly, by a seeded shuffle."""
    halves: tuple[list[GradedPrompt], list[GradedPrompt]] = ([], [])
    shuffled = sorted(prompts, key=lambda prompt: prompt.id)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a split, no secret
    for number, prompt in enumerate(sorted(shuffled, key=lambda prompt: prompt.family)):
        halves[number % 2].append(prompt)
    return halves


def fit(outcomes: Iterable[Graded], out: Path, seed: int) -> Path:
    """Train a router artefact on graded answers and save it at `out`."""
    from gearshift.learning.training import train_rows

    rows = [
        {
            "prompt": graded.prompt.prompt,
            "prompt_id": graded.prompt.id,
            "model": graded.model,
            "score": graded.score,
            "dataset": "gearshift-demo",
            "task": graded.prompt.family,
            "cost_usd": graded.cost_usd,
            "input_tokens": graded.input_tokens,
            "output_tokens": graded.output_tokens,
        }
        for graded in outcomes
    ]
    train_rows(rows, out, seed=seed)
    return out
