from __future__ import annotations

import dataclasses

import msgspec
import pytest

from gearshift.types.catalog import NANO_PER_USD, Deployment, Price, Provider, Quirks, Rates
from tests.fakes.nouns import deployment, provider


def test_a_dollar_is_a_billion() -> None:
    assert NANO_PER_USD == 10**9


def test_what_is_not_said_is_unknown_never_zero() -> None:
    bare = Deployment(id="p/m", model="m", name="m", provider=Provider(id="p", protocol="openai_chat", base_url="u"))
    assert (bare.price, bare.context_window, bare.max_output_tokens, bare.capabilities) == (None, None, None, None)
    assert Rates(input=1, output=2).cache_read is None
    assert Price(rates=Rates(input=1, output=2), source="config").date is None


def test_a_provider_is_not_simulated_and_has_no_quirks_unless_said() -> None:
    assert provider().simulated is False
    assert provider().quirks == Quirks()
    assert Quirks().stream_usage


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        deployment().model = "other"  # type: ignore[misc]


def test_values_are_equal_by_value_and_hashable() -> None:
    assert deployment("small") == deployment("small")
    assert len({deployment("small"), deployment("small"), deployment("large")}) == 2


def test_a_key_is_a_reference_so_its_repr_may_be_shown() -> None:
    assert "env:LAB_KEY" in repr(provider())


def test_nouns_are_structs_not_dataclasses() -> None:
    assert isinstance(deployment(), msgspec.Struct)
    assert not dataclasses.is_dataclass(deployment())


def test_a_beginning_is_taken_by_the_models_that_are_known_to() -> None:
    of = provider(quirks=Quirks(prefill="message", prefill_models=("claude-3-", "sonnet-4-5")))
    known = {name: deployment(of=of, name=name).prefill for name in ("claude-3-haiku", "eu.sonnet-4-5", "sonnet-4-6")}
    assert known == {"claude-3-haiku": "message", "eu.sonnet-4-5": "message", "sonnet-4-6": "none"}
    assert deployment(of=provider(quirks=Quirks(prefill="continue"))).prefill == "continue"
    assert deployment().prefill == "none"
