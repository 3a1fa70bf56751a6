from __future__ import annotations

from tests.unit.migration.litellm.scene import entry, imported, left


def test_equal_endpoints_share_a_provider_and_others_are_like_the_built_in_one() -> None:
    found = imported(
        entry("openai/a", "a", api_key="os.environ/ONE"),
        entry("openai/b", "b", api_key="os.environ/TWO"),
        entry("openai/c", "c", api_key="os.environ/ONE"),
    )

    assert found.config["providers"] == {"openai": {"key": "env:ONE"}, "openai-2": {"like": "openai", "key": "env:TWO"}}
    assert found.origins["providers", "openai"] == "model_list[0], model_list[2]"


def test_a_model_is_deployed_once_at_a_provider() -> None:
    found = imported(entry("openai/a", api_key="os.environ/ONE"), entry("openai/b", api_key="os.environ/ONE"))

    assert [each["provider"] for each in found.config["models"]["it"]["deployments"]] == ["openai", "openai-2"]
    assert found.config["providers"]["openai-2"] == {"like": "openai", "key": "env:ONE"}


def test_two_servers_on_one_host_are_two_providers() -> None:
    found = imported(
        entry("openai/a", "a", api_base="http://h.lan/one/v1"), entry("openai/b", "b", api_base="http://h.lan/two/v1")
    )
    assert list(found.config["providers"]) == ["h.lan", "h.lan-2"]


def test_the_version_of_azures_api_is_told_once_for_each_provider() -> None:
    same = {"api_base": "https://a.openai.azure.com", "api_version": "2024-06-01"}
    found = imported(entry("azure/a", "a", **same), entry("azure/b", "b", **same))

    assert left(found) == {"model_list[0].litellm_params.api_version": "a version of the API"}
