from __future__ import annotations

import pytest

from gearshift.migration.findings import Findings
from gearshift.migration.litellm.entries import mapping, read, unset
from tests.unit.migration.litellm.scene import entry


def places(findings: Findings) -> list[str]:
    return [each.where for each in findings.not_carried(["model_list", "credential_list"])]


def test_an_entry_is_read_with_the_places_of_its_parameters() -> None:
    findings = Findings()
    stated = {**entry(api_key="os.environ/A", seed=None, stop=[]), "rpm": 6, "model_info": {"mode": "chat"}, "odd": 1}

    (found,) = read({"model_list": [stated]}, findings)

    assert (found.name, found.model, found.info) == ("it", "openai/gpt-5.5", {"mode": "chat"})
    assert found.params == {"model": "openai/gpt-5.5", "api_key": "os.environ/A", "rpm": 6}
    assert found.where("rpm") == ("model_list", 0, "rpm")
    assert found.where("api_key") == ("model_list", 0, "litellm_params", "api_key")
    assert places(findings) == ["model_list[0].odd"]


@pytest.mark.parametrize(
    "stated", [None, "x", 7, [], {}, {"model_name": "a"}, {"model_name": 7, "litellm_params": {"model": "a/b"}}]
)
def test_what_is_no_entry_is_left(stated: object) -> None:
    findings = Findings()
    assert read({"model_list": [stated]}, findings) == []
    assert places(findings) == ["model_list[0]"]


def test_a_list_that_is_none_is_left() -> None:
    findings = Findings()
    assert read({"model_list": "x", "credential_list": 7}, findings) == []
    assert places(findings) == ["model_list", "credential_list"]
    assert read({}, Findings()) == []


def test_a_credential_is_under_the_entrys_own_parameters() -> None:
    findings = Findings()
    credentials = [
        {
            "credential_name": "shared",
            "credential_values": {"api_key": "os.environ/SHARED", "api_base": "https://a.example"},
            "credential_info": {"custom_llm_provider": "azure"},
        },
        {"credential_name": 7},
        "odd",
    ]
    entries = [
        entry(litellm_credential_name="shared", api_base="https://b.example"),
        entry(litellm_credential_name="no"),
    ]

    first, second = read({"model_list": entries, "credential_list": credentials}, findings)

    assert first.params == {
        "model": "openai/gpt-5.5",
        "api_base": "https://b.example",
        "api_key": "os.environ/SHARED",
        "custom_llm_provider": "azure",
    }
    assert first.where("api_key") == ("credential_list", 0, "credential_values", "api_key")
    assert second.params == {"model": "openai/gpt-5.5"}
    assert places(findings) == ["model_list[1].litellm_params.litellm_credential_name"]


def test_nothing_is_unset() -> None:
    assert all(map(unset, (None, "", [], {})))
    assert not any(map(unset, (0, False, "x", [0])))
    assert mapping([1]) == {}
