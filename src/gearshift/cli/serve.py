"""Own `gearshift serve`: find a config, start what it needs, say plainly what is being served, and serve."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from gearshift.config import Config, from_environment, from_mapping

DEFAULT_FILE: Final = Path("gearshift.yaml")
SHOWN_MODELS: Final = 20


def serve(
    config: Annotated[
        Path | None, typer.Option(help="YAML or TOML file; default: ./gearshift.yaml if it is there.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides the config.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, 0 for a free one; overrides the config.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; only 1 in this version.")] = 1,
) -> None:
    """Start the gateway.

    Without a config: the providers whose keys are in the environment; without keys: the demo providers.
    """
    import uvloop

    if workers > 1:
        problem = f"found {workers}, but this version serves by one process"
        todo = "start one gateway per port; they may share the store"
        raise typer.BadParameter(f"{problem}; {todo}", param_hint="--workers")
    overrides = {"GEARSHIFT__SERVER__HOST": host, "GEARSHIFT__SERVER__PORT": None if port is None else str(port)}
    environ = {**os.environ, **{key: value for key, value in overrides.items() if value is not None}}
    path = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(path, environ))


async def _serve(path: Path | None, environ: dict[str, str]) -> None:
    from gearshift.cli.assemble import assemble
    from gearshift.cli.discover import discover
    from gearshift.cli.examine import read
    from gearshift.cli.listen import Server, address, bind
    from gearshift.cli.notices import announce
    from gearshift.cli.reload import Reloader, marks, reloading, served_files
    from gearshift.telemetry import log_to_stderr

    async with AsyncExitStack() as stack:
        seen = marks([path] if path else [])
        source = str(path) if path else "the keys in the environment"
        found = read(path, environ) if path else from_environment(environ)
        notes: list[str] = []
        if found is None:
            source = "the demo providers: no config and no provider key was found"
            found, notes = await start_demo(stack, environ)
        listener = bind(found.server.host, found.server.port)
        stack.callback(listener.close)
        seen |= marks(served_files(found))
        assembly = assemble(found, environ, source=source, discovered=await discover(found, environ))
        log_to_stderr()
        announce(assembly)

        def ready() -> None:
            _announce(assembly.plan.config, address(listener), source, notes)

        await stack.enter_async_context(reloading(Reloader(assembly, found, environ, seen=seen, file=path)))
        await Server(assembly.app, assembly.site.gate, found.server.shutdown_grace, ready).serve(sockets=[listener])


async def start_demo(stack: AsyncExitStack, environ: dict[str, str], **changes: str) -> tuple[Config, list[str]]:
    """Start the demo providers for as long as `stack` is open; give their config and what a user should know of them.

    `changes` replace sections of that config.
    """
    from gearshift.cli.demo_config import demo_mapping, describe
    from gearshift.simulate.child import start_child

    child = await stack.enter_async_context(start_child())
    mapping = {**demo_mapping(child.base_url, child.models), **changes}
    config = from_mapping(mapping, source="the demo providers", environ=environ)
    return config, describe(child.models, child.unavailable)


def _announce(config: Config, url: str, source: str, notes: list[str]) -> None:
    """Say what is served, on stderr."""
    models = ", ".join([*config.models][:SHOWN_MODELS]) or "none yet"
    if (more := len(config.models) - SHOWN_MODELS) > 0:
        models += f" and {more} more"
    lines = [f"Gearshift is ready on {url}/v1", f"  serving  {source}", *(f"           {note}" for note in notes)]
    lines += [f"  models   {models}", f"  routers  {', '.join(config.routers)}", f"  log      {config.store}"]
    if not config.server.authenticated:
        lines.append("  keys     none configured: listening on loopback only, any key or none is accepted")
    lines.append(
        f"  try      curl -s {url}/v1/chat/completions -H 'content-type: application/json' "
        """-d '{"model": "auto", "messages": [{"role": "user", "content": "What is 17 * 23?"}]}'"""
    )
    typer.echo("\n".join(lines), err=True)
