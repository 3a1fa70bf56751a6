"""What the sections of a config are to each other is checked on the raw document, whatever its shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config import coherence
from gearshift.config.rows import builtin

KNOWN = {name: builtin()[name] for name in ("openai", "azure")}
MODELS = {"small": {"deployments": [{"provider": "lab"}]}, "big": {"deployments": [{"provider": "lab"}]}}


def faults(**document: object) -> list[str]:
    names = coherence.names_of(document, KNOWN)
    return [f"{'.'.join(map(str, path))}: {text}" for path, text in coherence.faults_of(document, names)]


def test_names_are_read_from_every_section() -> None:
    document = {
        "providers": {"lab": {}},
        "models": {"small": {"deployments": [{"provider": "lab"}, {"provider": "openai"}]}, "bare": {}},
        "routers": {"auto": {}},
    }

    found = coherence.names_of(document, KNOWN)

    assert found.providers == {"lab"}
    assert found.builtin == {"openai", "azure"}
    assert found.models == ("small", "bare")
    assert found.routers == ("auto",)
    assert found.deployments == {"lab/small": "small", "openai/small": "small"}


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ({}, "found no protocol and base_url"),
        ({"protocol": "openai_chat"}, "found no base_url"),
        ({"base_url": "http://x"}, "found no protocol"),
    ],
)
def test_a_provider_without_row_states_where_it_is(provider: object, said: str) -> None:
    assert said in faults(providers={"lab": provider})[0]
    assert faults(providers={"openai": provider}) == []


def test_a_built_in_provider_at_the_customers_own_address_must_be_told_it() -> None:
    (found,) = faults(providers={"azure": {}})
    assert found.startswith("providers.azure: found no base_url, expected your own, such as https://{resource}.")
    assert faults(providers={"azure": {"base_url": "https://mine.openai.azure.com/openai/v1"}}) == []


def test_a_provider_that_is_like_a_built_in_one_needs_what_that_one_needs() -> None:
    assert faults(providers={"second": {"like": "openai"}}) == []
    (found,) = faults(providers={"second": {"like": "azure"}})
    assert found.startswith("providers.second: found no base_url, expected your own")
    assert faults(providers={"second": {"like": "nobody"}, "third": {"like": 3}}) == []  # faults of their own


def test_a_model_has_one_deployment_at_a_provider() -> None:
    twice = {"deployments": [{"provider": "lab"}, {"provider": "openai"}, {"provider": "lab"}]}

    assert faults(models={"small": twice}) == [
        'models.small.deployments.2.provider: found "lab" twice, expected one deployment of a model at a provider'
    ]


def test_names_do_not_clash() -> None:
    found = faults(models={**MODELS, "lab/small": {}}, routers={"small": {}, "lab/big": {}, "auto": {}})

    assert [fault.partition(":")[0] for fault in found] == ["models.lab/small", "routers.small", "routers.lab/big"]


@pytest.mark.parametrize(
    ("rules", "circles"),
    [
        ({"a": ["small"]}, []),
        ({"a": ["a"]}, ["routers.a.rules.0.use: found a circle: a > a"]),
        ({"a": ["small", "b"], "b": ["a"]}, ["routers.a.rules.1.use: found a circle: a > b > a",
                                              "routers.b.rules.0.use: found a circle: b > a > b"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["small"]}, []),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["routers.b.rules.0.use: found a circle: b > c > b",
                                                "routers.c.rules.0.use: found a circle: c > b > c"]),
    ],
)  # fmt: skip
def test_rules_end_at_a_model(rules: dict[str, list[str]], circles: list[str]) -> None:
    found = faults(
        models=MODELS, routers={name: {"rules": [{"use": use} for use in uses]} for name, uses in rules.items()}
    )

    assert found == [f"{circle}; expected rules that end at a model" for circle in circles]


def test_conditions_are_checked_at_their_place() -> None:
    found = faults(routers={"r": {"rules": [{"use": "x"}, {"when": {"modle": 1}, "use": "x"}]}})

    assert len(found) == 1
    assert found[0].startswith("routers.r.rules.1.when.modle: found an unknown member")


json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["a", "b", "deployments", "provider", "rules", "use", "when", "$or"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"providers": json, "models": json, "routers": json}))
def test_any_document_can_be_checked(document: dict[str, Any]) -> None:
    faults(**document)


def test_a_second_server_of_one_s_own_is_asked_for_its_models_as_the_first_is() -> None:
    providers = {"ollama": {}, "desk": {"like": "ollama"}, "mute": {"like": "ollama", "discover": False}, "openai": {}}
    assert coherence.names_of({"providers": providers}, builtin()).discovering == {"ollama", "desk"}
    odd = {"providers": {"one": {"like": 3}, "two": 3, "lab": {"discover": True}}}
    assert coherence.names_of(odd, builtin()).discovering == {"lab"}
