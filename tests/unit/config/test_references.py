"""A reference is checked where it stands, against the names of its config."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gearshift.config.names import Names
from gearshift.config.references import Candidate, ProviderRef, Route, RowRef, Target

NAMES = Names(
    providers=frozenset({"lab"}),
    builtin=frozenset({"openai"}),
    models=("small", "broken"),
    routers=("auto",),
    deployments={"lab/small": "small"},
)


def fault(kind: Any, value: str) -> str:  # noqa: ANN401 - a type alias
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value, context=NAMES)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Candidate, "small"),
        (Candidate, "lab/small"),
        (Candidate, "lab/*"),
        (Candidate, "broken"),  # declared; what is wrong with it is said at its own key
        (Target, "small"),
        (Target, "lab/small"),
        (Route, "small"),
        (Route, "auto"),
        (ProviderRef, "lab"),
        (RowRef, "openai"),
    ],
)
def test_a_name_that_is_declared_is_taken(kind: Any, value: str) -> None:  # noqa: ANN401 - a type alias
    assert TypeAdapter(kind).validate_python(value, context=NAMES) == value


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Candidate, "smal", 'found "smal", expected a model, deployment or glob; did you mean "small"?'),
        (RowRef, "opnai", 'found "opnai", expected a built-in provider; did you mean "openai"?'),
        (Candidate, "auto", 'found "auto", expected a model, deployment or glob'),
        (
            Candidate,
            "zoo/*",
            'found "zoo/*", which matches no model and no deployment; expected a glob that matches one',
        ),
        (Candidate, "[small", 'found "[small", expected a glob whose brackets close'),
        (Target, "auto", 'found "auto", expected a model or deployment'),
        (Target, "lab/*", 'found "lab/*", expected a model or deployment'),
        (Route, "lab/smal", 'found "lab/smal", expected a model, deployment or router; did you mean "lab/small"?'),
        (ProviderRef, "lap", 'found "lap", expected a provider declared under providers; did you mean "lab"?'),
        (
            ProviderRef,
            "openai",
            'found "openai", which is built in but not declared; add `openai: {}` under providers',
        ),
    ],
)
def test_a_name_that_is_not_declared_is_a_fault(kind: Any, value: str, message: str) -> None:  # noqa: ANN401 - as above
    assert fault(kind, value) == message


def test_without_names_every_reference_is_taken() -> None:
    for kind in (Candidate, Target, Route, ProviderRef):
        assert TypeAdapter(kind).validate_python("anything") == "anything"


def test_what_a_server_may_turn_out_to_have_is_taken() -> None:
    names = Names(
        providers=frozenset({"lab", "ollama"}),
        builtin=frozenset(),
        models=("small",),
        routers=(),
        deployments={"lab/small": "small"},
        discovering=frozenset({"ollama"}),
    )
    for value in ("ollama/*", "*", "qwen*", "ollama/qwen3:8b", "small"):
        assert TypeAdapter(Candidate).validate_python(value, context=names) == value
    for kind, value in ((Candidate, "lab/large"), (Candidate, "[a"), (Target, "ollama/qwen3:8b")):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value, context=names)
