from __future__ import annotations

import asyncio

from gearshift.catalog import Catalog
from gearshift.cli.probe import probe_all
from gearshift.simulate.child import Child, start_child
from gearshift.types.catalog import Deployment, Provider


def catalog(*deployments: Deployment) -> Catalog:
    return Catalog(deployments=deployments, models={})


def deployment(base_url: str, name: str, protocol: str = "openai_chat", *capabilities: str) -> Deployment:
    provider = Provider(id="lab", protocol=protocol, base_url=base_url)
    known = frozenset(capabilities) if capabilities else None
    return Deployment(id=f"lab/{name}", model=name, name=name, provider=provider, capabilities=known)


def test_each_deployment_is_called_once_and_reported() -> None:
    async def probe() -> tuple[dict[str, str], Child]:
        async with start_child(models=["calc"]) as child:
            every = catalog(deployment(child.base_url, "calc"), deployment(child.base_url, "nobody"))
            return await asyncio.to_thread(probe_all, every, {}), child

    found, _ = asyncio.run(probe())
    assert found["lab/calc"] == ""
    assert found["lab/nobody"].startswith("answered 404")


def test_an_upstream_that_is_down_is_said() -> None:
    assert "no connection" in probe_all(catalog(deployment("http://127.0.0.1:9/v1", "x")), {})["lab/x"]


def test_a_model_of_vectors_is_asked_for_one() -> None:
    async def probe() -> dict[str, str]:
        async with start_child(models=["calc"]) as child:
            made = deployment(child.base_url, "sim-embed", "openai_chat", "embeddings")
            none = deployment(child.base_url, "claude", "anthropic_messages", "embeddings")
            return await asyncio.to_thread(probe_all, catalog(made, none), {})

    found = asyncio.run(probe())
    assert found["lab/sim-embed"] == ""
    assert "has no embeddings" in found["lab/claude"]
