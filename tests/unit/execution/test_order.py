from __future__ import annotations

import time

from gearshift.case import Case, World
from gearshift.execution.bounds import Limits
from gearshift.execution.order import Order
from gearshift.protocols.openai_chat import codec
from gearshift.routing.router import Router, RouterTable
from gearshift.types.inbound import Inbound

WORLD = World(
    routers=RouterTable({"auto": Router(name="auto", deployments=())}, {}), deployments=(), limits=Limits(), version="v"
)


def test_a_case_is_an_order_that_tells_upstreams_what_the_caller_told_us() -> None:
    told = {"anthropic-beta": "context-1m"}
    inbound = Inbound(path="/v1/messages", body=b"{}", began=1.0, passed_on=told)
    order: Order = Case(WORLD, codec, inbound, "gx-1", time.monotonic)
    assert order.passed_on == told
    assert (order.body, order.exchange_id, order.began, order.attempts) == (b"{}", "gx-1", 1.0, [])
