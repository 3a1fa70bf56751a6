"""What a key may do is held to every request, and nothing that a caller says widens it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gearshift.access import check_route, check_router, granted, logs_content, matches
from gearshift.errors import Forbidden
from gearshift.types.access import Caller, Defaults, Granted, Scopes
from gearshift.types.chat import Routing
from tests.fakes.nouns import request

CALLER = Caller(id="k")


def of(**scopes: tuple[str, ...]) -> Caller:
    return replace(CALLER, scopes=Scopes(**scopes))


def test_nothing_said_allows_everything_and_an_empty_list_nothing() -> None:
    assert matches("x", None)
    assert not matches("x", ())
    assert matches("gpt-5.5", ("gpt-*",))


def test_a_path_out_of_scope_is_forbidden() -> None:
    caller = of(routes=("/v1/chat/*", "/v1/models"))
    check_route(caller, "/v1/chat/completions")
    check_route(None, "/v1/messages")
    with pytest.raises(Forbidden, match=r"may not use; it may use /v1/chat/\*, /v1/models"):
        check_route(caller, "/v1/messages")


def test_a_router_out_of_scope_is_forbidden_and_so_is_naming_models_past_it() -> None:
    only = Granted(routers=("auto",))
    check_router(only, "auto", named=False)
    check_router(None, "anything", named=True)
    with pytest.raises(Forbidden, match="the router 'batch'"):
        check_router(only, "batch", named=False)
    with pytest.raises(Forbidden, match="this key may only use the routers auto"):
        check_router(only, "gpt-5.5", named=True)
    check_router(Granted(routers=("auto",), models=("gpt-*",)), "gpt-5.5", named=True)


def test_defaults_hold_where_a_request_says_nothing_and_a_limit_always() -> None:
    caller = replace(CALLER, defaults=Defaults(max_cost=100, cost_tier="low", explore=False))
    silent = granted(caller, request()).routing
    assert (silent.max_cost, silent.cost_tier, silent.explore) == (100, "low", False)
    said = granted(caller, request(routing=Routing(max_cost=5, cost_tier="high"))).routing
    assert (said.max_cost, said.cost_tier) == (5, "high")
    assert granted(caller, request(routing=Routing(max_cost=500))).routing.max_cost == 100


def test_a_key_that_says_nothing_changes_nothing() -> None:
    asked = request()
    assert granted(None, asked) is asked
    assert granted(CALLER, asked) is asked


def test_content_is_kept_for_a_key_that_asked_for_it() -> None:
    assert not logs_content(None)
    assert not logs_content(CALLER)
    assert logs_content(replace(CALLER, defaults=Defaults(content=True)))
