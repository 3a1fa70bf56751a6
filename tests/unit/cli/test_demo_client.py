from __future__ import annotations

import asyncio

import pytest

from gearshift.cli.demo_client import DemoClient, Graded, wait_until_loaded
from gearshift.errors import UpstreamInvalid
from gearshift.simulate.child import start_child
from gearshift.simulate.prompts import GradedPrompt

SUM = GradedPrompt(id="a", family="arithmetic", prompt="What is 17 * 23?", answers=("391",), grader="number")


def test_a_gateway_without_cost_in_its_usage_is_an_error_not_a_zero() -> None:
    async def ask() -> list[Graded]:
        async with start_child(models=["calc"]) as child:
            await wait_until_loaded(child.base_url)
            async with DemoClient(child.base_url.removesuffix("/v1")) as client:
                return await client.ask_all([SUM], ["calc"], "asking")

    with pytest.raises(ExceptionGroup) as caught:  # the child is an upstream: it knows no cost
        asyncio.run(ask())
    assert "cost" in str(caught.value.exceptions[0])


def test_an_error_of_the_gateway_is_shown() -> None:
    async def ask() -> None:
        async with (
            start_child(models=["calc"]) as child,
            DemoClient(child.base_url.removesuffix("/v1")) as client,
        ):
            await client.ask_all([SUM], ["nobody"], "asking")

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(ask())
    assert isinstance(caught.value.exceptions[0], UpstreamInvalid)
    assert "404" in str(caught.value.exceptions[0])
