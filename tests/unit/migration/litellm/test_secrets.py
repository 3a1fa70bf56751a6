from __future__ import annotations

import pytest

from gearshift.migration.findings import Findings
from gearshift.migration.litellm.secrets import Secrets, as_variable, variable_of

PATH = ("model_list", 0, "litellm_params", "api_key")


def test_a_variable_is_a_reference() -> None:
    findings = Findings()
    assert Secrets({}, findings).reference("os.environ/MY_KEY", PATH, "X") == "env:MY_KEY"
    assert findings.not_carried([]) == ()


def test_a_secret_that_is_written_out_gets_a_free_name_and_is_not_told() -> None:
    findings = Findings()
    document = {"a": ["os.environ/OPENAI_KEY"], "environment_variables": {"OPENAI_KEY_2": "x"}}
    secrets = Secrets(document, findings)

    assert secrets.reference("sk-one", PATH, "OPENAI_KEY") == "env:OPENAI_KEY_3"
    assert secrets.reference("sk-two", PATH, "OPENAI_KEY") == "env:OPENAI_KEY_4"
    assert secrets.reference("sk-one", PATH, "AZURE_KEY") == "env:OPENAI_KEY_3"  # the same secret
    assert secrets.reference(123456, PATH, "OTHER") == "env:OTHER"
    told = findings.not_carried([])
    assert told[0].do == "put it into the variable OPENAI_KEY_3"
    assert not [each for each in told if "sk-" in str(each) or "123456" in str(each)]


@pytest.mark.parametrize("value", [None, "", " ", "none", "None", "EMPTY", [], {}, False])
def test_no_key_is_no_key(value: object) -> None:
    findings = Findings()
    assert Secrets({}, findings).reference(value, PATH, "X") is None
    assert findings.not_carried([]) == ()


@pytest.mark.parametrize("value", [True, ["sk-one"], {"a": "sk-one"}])
def test_what_is_no_text_is_told(value: object) -> None:
    findings = Findings()
    assert Secrets({}, findings).reference(value, PATH, "X") is None
    assert [each.found for each in findings.not_carried([])] == ["a value (not shown)"]


@pytest.mark.parametrize("value", ["os.environ/", "os.environ/A B", "os.environ/1A", "oidc/google/https://x"])
def test_a_reference_that_cannot_be_carried_is_left(value: str) -> None:
    findings = Findings()
    assert Secrets({}, findings).reference(value, PATH, "X") is None
    assert [each.found for each in findings.not_carried([])] == ["a reference to a secret (not shown)"]


def test_names_of_variables() -> None:
    assert variable_of("os.environ/A_1") == "A_1"
    assert variable_of("A_1") is variable_of(7) is variable_of("os.environ/é") is None
    assert as_variable("llm.example.com:8000") == "LLM_EXAMPLE_COM_8000"
    assert as_variable("10.0.0.7") == "_10_0_0_7"
    assert as_variable("") == "_"
