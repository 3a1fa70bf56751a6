from __future__ import annotations

import inspect

import pytest

from gearshift.execution.connection import Http1Reply
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proxied import AiohttpUpstream
from gearshift.execution.upstream import Reply, Upstream

PAIRS = [(Upstream, Http1Upstream), (Upstream, AiohttpUpstream), (Reply, Http1Reply)]


@pytest.mark.parametrize(("interface", "client"), PAIRS)
def test_every_client_has_the_interface_s_methods_with_its_signatures(interface: type, client: type) -> None:
    for name, method in inspect.getmembers(interface, inspect.isfunction):
        if not name.startswith("_"):
            ours, theirs = inspect.signature(method), inspect.signature(getattr(client, name))
            assert list(ours.parameters) == list(theirs.parameters), name
