from __future__ import annotations

import asyncio

from gearshift.catalog import Catalog
from gearshift.cli.probe import probe_all
from gearshift.simulate.child import Child, start_child
from gearshift.types.catalog import Deployment, Provider


def catalog(*deployments: Deployment) -> Catalog:
    return Catalog(deployments=deployments, models={})


def deployment(base_url: str, name: str) -> Deployment:
    provider = Provider(id="lab", protocol="openai_chat", base_url=base_url)
    return Deployment(id=f"lab/{name}", model=name, name=name, provider=provider)


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
