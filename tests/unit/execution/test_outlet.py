from __future__ import annotations

import inspect

import pytest

from gearshift.execution.outlet import Outlet
from gearshift.execution.transcript import Transcript
from gearshift.server.asgi import ASGIOutlet


@pytest.mark.parametrize("outlet", [ASGIOutlet, Transcript])
def test_every_outlet_has_the_interface_s_methods_with_its_signatures(outlet: type) -> None:
    for name, method in inspect.getmembers(Outlet, inspect.isfunction):
        if not name.startswith("_"):
            ours, theirs = inspect.signature(method), inspect.signature(getattr(outlet, name))
            assert list(ours.parameters) == list(theirs.parameters), name
