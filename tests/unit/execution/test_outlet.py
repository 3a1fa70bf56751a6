from __future__ import annotations

import asyncio
import inspect

import pytest

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Outlet, taken
from gearshift.execution.pulse import Pulse
from gearshift.execution.transcript import Transcript
from gearshift.server.asgi import ASGIOutlet


@pytest.mark.parametrize("outlet", [ASGIOutlet, Transcript, Pulse])
def test_every_outlet_has_the_interface_s_methods_with_its_signatures(outlet: type) -> None:
    for name, method in inspect.getmembers(Outlet, inspect.isfunction):
        if not name.startswith("_"):
            ours, theirs = inspect.signature(method), inspect.signature(getattr(outlet, name))
            assert list(ours.parameters) == list(theirs.parameters), name


def test_the_end_of_an_answer_is_not_offered_for_ever() -> None:
    async def scene() -> None:
        await taken(asyncio.sleep(0), 1.0)
        with pytest.raises(CallerLeft):
            await taken(asyncio.sleep(5), 0.02)

    asyncio.run(scene())
