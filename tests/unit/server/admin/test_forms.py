"""What is told is checked before anybody acts on it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gearshift.server.admin.forms import KeyForm, key_document, usage_document
from gearshift.storage.usage import Usage
from gearshift.types.access import Scopes


def test_a_form_becomes_a_record() -> None:
    form = KeyForm.model_validate(
        {"name": "a", "user": "u", "scopes": {"models": ["gpt-*"]}, "defaults": {"max_cost_usd": 0.5}}
    )
    made = form.record()
    assert (made.name, made.user_id, made.scopes) == ("a", "u", Scopes(models=("gpt-*",)))
    assert made.defaults.max_cost == 500_000_000
    shown = key_document(made)
    assert "key" not in shown
    assert (shown["user"], shown["defaults"]["max_cost_usd"]) == ("u", 0.5)
    assert key_document(made, "gs-x")["key"] == "gs-x"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a", "role": "root"},
        {"name": "a", "admin": True},
        {"name": "a", "expires": float("nan")},
        {"name": "a", "expires": -1},
        {"name": "a", "defaults": {"max_cost_usd": -1}},
        {"name": "a", "defaults": {"max_cost_usd": float("nan")}},
        {"name": "a", "defaults": {"cost_tier": "huge"}},
        {"name": "a", "scopes": {"models": ["x"] * 101}},
        {"name": "a", "scopes": {"hosts": ["x"]}},
    ],
)
def test_what_is_no_key_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KeyForm.model_validate(told)


def test_unknown_costs_are_shown_apart() -> None:
    found = Usage(
        group={"model": "small"},
        attempts=2,
        exchanges=2,
        input_tokens=1,
        output_tokens=1,
        cache_read_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        cost=1_000_000_000,
        estimated=1,
        unknown=1,
        bound=2_000_000_000,
    )
    shown = usage_document(found)
    assert (shown["model"], shown["cost_usd"], shown["unknown_attempts"], shown["unknown_at_most_usd"]) == (
        "small",
        1.0,
        1,
        2.0,
    )
