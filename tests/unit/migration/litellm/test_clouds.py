"""What clouds want beside a key: each part is said as LiteLLM says it, and no secret gets through."""

from __future__ import annotations

from typing import Any

import pytest

from gearshift.config.rows import builtin
from gearshift.migration.litellm.clouds import READ
from tests.unit.migration.litellm.scene import entry, imported, left

PARAMS = "model_list[0].litellm_params."
AZURE = {"api_base": "https://a.openai.azure.com"}
SECRET = "kQ9-hidden-7fZ"


def provider(model: str, **params: object) -> dict[str, Any]:
    """Give the provider that one entry gets, without its base URL."""
    (stated,) = imported(entry(model, **params)).config["providers"].values()
    return {key: value for key, value in stated.items() if key != "base_url"}


@pytest.mark.parametrize(
    ("model", "params", "stated"),
    [
        (
            "vertex_ai/gemini-x",
            {"vertex_project": "p", "vertex_location": "eu", "vertex_credentials": "os.environ/V"},
            {"project": "p", "region": "eu", "auth": {"kind": "google", "credentials": "env:V"}},
        ),
        (
            "vertex_ai/claude-x",
            {"vertex_ai_project": "p", "vertex_ai_location": "eu", "vertex_ai_credentials": "/etc/vertex.json"},
            {"project": "p", "region": "eu", "auth": {"kind": "google", "credentials": "file:/etc/vertex.json"}},
        ),
        ("vertex_ai/gemini-x", {"vertex_project": "os.environ/GOOGLE_CLOUD_PROJECT"}, {}),
        (
            "bedrock/m",
            {
                "aws_region_name": "eu-west-1",
                "aws_access_key_id": "os.environ/A",
                "aws_secret_access_key": "os.environ/B",
                "aws_session_token": "os.environ/C",
            },
            {
                "region": "eu-west-1",
                "auth": {
                    "kind": "sigv4",
                    "access_key_id": "env:A",
                    "secret_access_key": "env:B",
                    "session_token": "env:C",
                },
            },
        ),
        ("bedrock/eu-west-1/m", {}, {"region": "eu-west-1"}),
        ("bedrock/m", {"aws_region_name": "os.environ/AWS_DEFAULT_REGION"}, {}),
        (
            "azure/x",
            {
                **AZURE,
                "tenant_id": "os.environ/T",
                "client_id": "os.environ/AZURE_CLIENT_ID",
                "client_secret": "os.environ/S",
            },
            {
                "auth": {
                    "kind": "entra",
                    "tenant_id": "env:T",
                    "client_id": "env:AZURE_CLIENT_ID",
                    "client_secret": "env:S",
                }
            },
        ),
        (
            "azure/x",
            {**AZURE, "azure_ad_token": "os.environ/TOKEN"},
            {"key": "env:TOKEN", "key_header": "authorization"},
        ),
        ("azure/x", {**AZURE, "azure_ad_token": "oidc/github/x"}, {"key": "env:AZURE_API_KEY"}),
    ],
)
def test_an_account_is_said(model: str, params: dict[str, object], stated: dict[str, object]) -> None:
    assert provider(model, **params) == stated


@pytest.mark.parametrize(
    ("model", "params", "auth", "told"),
    [
        (
            "vertex_ai/gemini-x",
            {"vertex_credentials": {"private_key": SECRET}},
            {"kind": "google", "credentials": "env:VERTEX_CREDENTIALS"},
            {"vertex_credentials"},
        ),
        (
            "vertex_ai/gemini-x",
            {"vertex_credentials": f'{{"private_key": "{SECRET}"}}'},
            {"kind": "google", "credentials": "env:VERTEX_CREDENTIALS"},
            {"vertex_credentials"},
        ),
        (
            "bedrock/m",
            {"aws_access_key_id": "os.environ/A", "aws_secret_access_key": SECRET},
            {"kind": "sigv4", "access_key_id": "env:A", "secret_access_key": "env:BEDROCK_SECRET_ACCESS_KEY"},
            {"aws_secret_access_key"},
        ),
        (
            "azure/x",
            {**AZURE, "client_secret": SECRET},
            {"kind": "entra", "client_secret": "env:AZURE_CLIENT_SECRET"},
            {"client_secret"},
        ),
    ],
)
def test_what_is_written_out_becomes_a_variable(
    model: str, params: dict[str, object], auth: dict[str, str], told: set[str]
) -> None:
    found = imported(entry(model, **params))

    assert provider(model, **params)["auth"] == auth
    assert left(found).keys() == {PARAMS + key for key in told}
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("model", "params", "told"),
    [
        ("bedrock/m", {"aws_access_key_id": "os.environ/A", "aws_secret_access_key": "os.environ/B"}, 2),
        ("azure/x", {**AZURE, "client_secret": "os.environ/S", "azure_ad_token": "os.environ/T"}, 2),
    ],
)
def test_a_key_wins_over_the_parts_of_a_login(model: str, params: dict[str, object], told: int) -> None:
    found = imported(entry(model, **params, api_key="os.environ/K"))

    assert [each.get("key") for each in found.config["providers"].values()] == ["env:K"]
    assert len([each for each in found.not_carried if "api_key, which is used" in each.why]) == told


def test_what_still_cannot_be_said_is_told() -> None:
    aws = imported(entry("bedrock/m", aws_role_name="r", aws_profile_name="p", aws_web_identity_token="w"))
    azure = imported(entry("azure/x", **AZURE, azure_username="u", azure_password=SECRET, azure_scope="s"))
    both = imported(entry("azure/x", **AZURE, tenant_id="os.environ/T", azure_ad_token="os.environ/A"))
    google = imported(entry("vertex_ai/gemini-x", api_key=SECRET, vertex_location=7))
    twice = imported(entry("vertex_ai/gemini-x", vertex_project="p", vertex_ai_project="q", region_name="eu"))
    odd, held = (imported(entry("bedrock/m", model_id=each)) for each in (7, "os.environ/PROFILE"))
    region = imported(entry("bedrock/eu-west-1/m", aws_region_name="us-east-1"))

    assert left(aws).keys() == {PARAMS + key for key in ("aws_role_name", "aws_profile_name", "aws_web_identity_token")}
    assert left(azure).keys() == {PARAMS + key for key in ("azure_username", "azure_password", "azure_scope")}
    assert left(both).keys() == {PARAMS + "azure_ad_token"}
    assert left(google).keys() == {PARAMS + key for key in ("api_key", "vertex_location")}
    assert left(twice).keys() == {PARAMS + "vertex_ai_project"}
    assert twice.config["providers"]["vertex"] == {"project": "p", "region": "eu"}
    assert left(odd).keys() == left(held).keys() == {PARAMS + "model_id"}
    assert held.config["models"]["it"]["deployments"] == [{"provider": "bedrock_converse", "name": "m"}]
    assert left(region).keys() == {PARAMS + "aws_region_name"}
    assert SECRET not in str(azure) + str(google)


def test_a_place_in_a_variable_is_a_blank_to_fill_in() -> None:
    stated = {"vertex_project": "os.environ/OUR_PROJECT", "vertex_location": "os.environ/OUR_PLACE"}
    found = imported(entry("vertex_ai/gemini-x", **stated))
    known = imported(
        entry("vertex_ai/gemini-x"),
        environment_variables={"VERTEXAI_PROJECT": "p", "VERTEXAI_LOCATION": "os.environ/OUR_PLACE", "OUR_PLACE": "eu"},
    )

    assert found.config["providers"]["vertex"] == {"project": "our-project.invalid", "region": "our-place.invalid"}
    assert left(found) == {
        PARAMS + "vertex_project": "the variable OUR_PROJECT",
        PARAMS + "vertex_location": "the variable OUR_PLACE",
    }
    assert "GEARSHIFT__PROVIDERS__VERTEX__PROJECT" in found.not_carried[0].do
    assert known.config["providers"]["vertex"] == {"project": "p", "region": "eu"}


def test_a_place_that_is_nowhere_is_taken_from_the_environment_and_told() -> None:
    unset, other = (
        imported(entry("bedrock/m")),
        imported(entry("bedrock/m", aws_region_name="os.environ/AWS_DEFAULT_REGION")),
    )

    assert unset.config["providers"] == {"bedrock_converse": {}}
    assert unset.assumptions[0].startswith(
        "model_list[0]: no aws_region_name is stated; it is taken from AWS_REGION or AWS_DEFAULT_REGION"
    )
    assert "AWS_BEARER_TOKEN_BEDROCK is used, else the key pair" in unset.assumptions[1]
    assert other.assumptions[0] == f"{PARAMS}aws_region_name: AWS_DEFAULT_REGION counts, unless AWS_REGION is set"
    assert "auth: google_metadata" in str(imported(entry("vertex_ai/gemini-x")).assumptions)


def test_accounts_make_providers_of_their_own() -> None:
    found = imported(
        entry("bedrock/m", "a", aws_region_name="eu-west-1"), entry("bedrock/m", "b", aws_region_name="us-east-1")
    )

    assert found.config["providers"] == {
        "bedrock_converse": {"region": "eu-west-1"},
        "bedrock_converse-2": {"like": "bedrock_converse", "region": "us-east-1"},
    }


def test_what_is_read_is_of_rows_that_are_there() -> None:
    assert READ.keys() <= builtin().keys()
