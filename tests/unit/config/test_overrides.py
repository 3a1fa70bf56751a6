"""Variables of the environment change single keys of a config."""

from __future__ import annotations

from typing import Any

import pytest

from gearshift.config import overrides

DOCUMENT: dict[str, Any] = {
    "server": {"port": 4000},
    "models": {"gpt-5.5": {"deployments": [{"provider": "a"}, {"provider": "b"}]}, "a.b": {}, "a-b": {}},
}


def apply(**environ: str) -> tuple[dict[str, Any], dict[overrides.Path, str], list[str]]:
    return overrides.apply(DOCUMENT, environ)


@pytest.mark.parametrize(
    ("variable", "value", "path", "found"),
    [
        ("GEARSHIFT__SERVER__PORT", "4001", ("server", "port"), 4001),
        ("GEARSHIFT__SERVER__HOST", "0.0.0.0", ("server", "host"), "0.0.0.0"),  # noqa: S104
        ("GEARSHIFT__SERVER__KEYS", "[env:A, env:B]", ("server", "keys"), ["env:A", "env:B"]),
        ("GEARSHIFT__LOGGING__CONTENT", "true", ("logging", "content"), True),
        ("GEARSHIFT__RELIABILITY__DEADLINE", "2m", ("reliability", "deadline"), "2m"),
        ("GEARSHIFT__STORE", "sqlite:///x.db", ("store",), "sqlite:///x.db"),
        ("GEARSHIFT__MODELS__GPT_5_5__CONTEXT_WINDOW", "8", ("models", "gpt-5.5", "context_window"), 8),
        (
            "GEARSHIFT__MODELS__GPT_5_5__DEPLOYMENTS__1__NAME",
            "x",
            ("models", "gpt-5.5", "deployments", 1, "name"),
            "x",
        ),
        (
            "GEARSHIFT__ROUTERS__AUTO__OBJECTIVE",
            "{cost_tier: low}",
            ("routers", "auto", "objective"),
            {"cost_tier": "low"},
        ),
    ],
)
def test_a_variable_sets_the_key_that_its_name_means(
    variable: str, value: str, path: overrides.Path, found: object
) -> None:
    changed, origins, faults = overrides.apply(DOCUMENT, {variable: value})

    place: Any = changed
    for step in path:
        place = place[step]
    assert place == found
    (origin,) = origins
    assert path[: len(origin)] == origin
    assert faults == []


def test_a_variable_is_behind_everything_that_it_made() -> None:
    _, origins, _ = apply(GEARSHIFT__SERVER__PORT="1", GEARSHIFT__SEVER__A__B="1", GEARSHIFT__MODELS__X="{}")

    assert origins == {
        ("server", "port"): "GEARSHIFT__SERVER__PORT",
        ("sever",): "GEARSHIFT__SEVER__A__B",
        ("models", "x"): "GEARSHIFT__MODELS__X",
    }


def test_the_document_itself_stays_as_it_was() -> None:
    apply(GEARSHIFT__SERVER__PORT="1", GEARSHIFT__MODELS__GPT_5_5__DEPLOYMENTS__0__PROVIDER="c")

    assert DOCUMENT["server"] == {"port": 4000}
    assert DOCUMENT["models"]["gpt-5.5"]["deployments"][0] == {"provider": "a"}


def test_other_variables_are_left_alone() -> None:
    assert apply(GEARSHIFT_ADMIN_KEY="x", PATH="/bin", gearshift__server__port="1") == (DOCUMENT, {}, [])


def test_an_empty_value_unsets_a_key() -> None:
    assert apply(GEARSHIFT__SERVER__ADMIN_KEY="")[0]["server"] == {"port": 4000, "admin_key": None}


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("GEARSHIFT__SERVER__PORT__X", "1", 'found "X" inside a value that is no mapping'),
        ("GEARSHIFT__MODELS__GPT_5_5__DEPLOYMENTS__2__NAME", "x", "expected a number from 0 to 1"),
        ("GEARSHIFT__MODELS__GPT_5_5__DEPLOYMENTS__X", "x", "expected a number from 0 to 1"),
        ("GEARSHIFT__MODELS__A_B__NAME", "x", "which may be any of a.b, a-b"),
        ("GEARSHIFT__", "x", "a step without a name"),
        ("GEARSHIFT__SERVER____PORT", "1", "a step without a name"),
        ("GEARSHIFT__SERVER__KEYS", "[sk-secret", "found invalid YAML"),
    ],
)
def test_a_variable_that_means_nothing_is_a_fault_that_names_it(variable: str, value: str, fault: str) -> None:
    _, origins, faults = overrides.apply(DOCUMENT, {variable: value})

    assert origins == {}
    assert len(faults) == 1
    assert faults[0].startswith(f"{variable}: ")
    assert fault in faults[0]
    assert "sk-secret" not in faults[0]
