"""Own a gateway before a wall: the shipped assembly of a config, behind the server that ships, on a free port.

Models of the config: `primary` falls back to `fallback` and, where a case has it, to `large`, of a larger window. Each
is at a provider of its own. Every case has its own gateway and its own wall, so that none feels another's faults.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import uvicorn
from msgspec import Struct

from gearshift.cli.assemble import assemble
from gearshift.cli.listen import address, bind
from gearshift.config import from_mapping
from gearshift.server.connection import CallerConnection
from tests.fakes.upstream import closed_port
from tests.wall.caller import fetch
from tests.wall.pace import Pace
from tests.wall.server import NANO_PER_TOKEN, Wall

SECRET: Final = "sk-wall-secret-0123456789abcdef"
ENVIRON: Final = {"WALL_KEY": SECRET}
WINDOWS: Final = {"primary": 8_192, "fallback": 8_192, "large": 1_000_000}


class Layout(Struct, frozen=True, kw_only=True):
    """Hold how a case's config differs from the usual: who speaks what, who is there, and who is not listening."""

    protocols: Mapping[str, str] = {}
    models: Sequence[str] = ("primary", "fallback")
    dead: Sequence[str] = ()
    reliability: Mapping[str, Any] = {}


class Site(Struct, frozen=True):
    """Hold a running gateway and the wall behind it."""

    url: str
    wall: Wall

    async def ledger(self, exchange: str) -> dict[str, Any]:
        """Give what the gateway's log says of an exchange."""
        told: dict[str, Any] = json.loads(await fetch(self.url, f"/v1/generation?id={exchange}"))
        found: dict[str, Any] = told.get("data", told)
        return found


def mapping(wall: Wall, pace: Pace, layout: Layout, folder: Path) -> dict[str, Any]:
    """Give the config of a case."""
    providers = {
        f"at-{name}": {
            "protocol": layout.protocols.get(name, "openai_chat"),
            "base_url": f"http://127.0.0.1:{closed_port()}" if name in layout.dead else wall.base_url,
            "key": "env:WALL_KEY",
        }
        for name in layout.models
    }
    models = {
        name: {
            "context_window": WINDOWS[name],
            "capabilities": ["tools", "json_schema"],
            "deployments": [{"provider": f"at-{name}", "price": _price(name)}],
        }
        for name in layout.models
    }
    models[layout.models[0]]["fallbacks"] = list(layout.models[1:])
    return {
        "store": f"sqlite:///{folder / 'gearshift.db'}",
        "catalog": str(folder / "prices.json"),
        "providers": providers,
        "models": models,
        "reliability": {**pace.reliability, **layout.reliability},
    }


def _price(model: str) -> dict[str, float]:
    """Give the wall's prices in US dollars per million tokens."""
    per_input, per_output = NANO_PER_TOKEN[model]
    return {"input": per_input / 1_000, "output": per_output / 1_000}


class _Server(uvicorn.Server):
    """Serve without taking the signals of the process."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def serving(config: Mapping[str, Any]) -> AsyncIterator[str]:
    """Serve a config in this process; give the URL."""
    made = from_mapping(dict(config), source="the case", environ=ENVIRON)
    assembly = assemble(made, ENVIRON, source="the case")  # 40 ms of the loop; its timers are longer
    options = uvicorn.Config(
        assembly.app,
        http=CallerConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(options)
    with bind("127.0.0.1", 0) as door:
        task = asyncio.create_task(server.serve(sockets=[door]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        try:
            yield address(door)
        finally:
            server.should_exit = True
            await task
