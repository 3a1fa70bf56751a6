from __future__ import annotations

import pytest

from tests.unit.migration.litellm.scene import entry, imported, left, read


def settings(**sections: object) -> dict[str, object]:
    """Give the config that settings make, without providers, models and routers."""
    config = imported(entry(), **sections).config
    return {name: value for name, value in config.items() if name not in {"providers", "models", "routers"}}


def test_times_and_tries_are_carried() -> None:
    assert settings(router_settings={"num_retries": "4", "timeout": 30, "stream_timeout": 2.5}) == {
        "reliability": {
            "max_attempts": 5,
            "retries": 4,
            "answer_timeout": 30,
            "first_token_timeout": 2.5,
            "stall_timeout": 2.5,
        }
    }
    assert settings(litellm_settings={"request_timeout": 900, "num_retries": 99}) == {
        "reliability": {
            "answer_timeout": 900,
            "deadline": 900,
            "first_token_timeout": 900,
            "stall_timeout": 900,
            "max_attempts": 20,
            "retries": 10,
        }
    }


def test_times_that_nobody_states_are_told() -> None:
    none, some = imported(entry()), imported(entry(), router_settings={"timeout": 30})

    assert none.assumptions[0].startswith("reliability: Gearshift's own time limits")
    assert some.assumptions == ()


def test_the_routers_settings_win() -> None:
    found = imported(
        entry(),
        litellm_settings={"num_retries": 5, "request_timeout": 60, "fallbacks": [{"it": ["it"]}]},
        router_settings={"num_retries": 1, "timeout": 30, "fallbacks": [{"it": ["it"]}]},
    )

    assert (found.config["reliability"]["max_attempts"], found.config["reliability"]["answer_timeout"]) == (2, 30)
    assert left(found) == {
        "litellm_settings.num_retries": "5",
        "litellm_settings.request_timeout": "60",
        "litellm_settings.fallbacks": "it to it",
    }


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("router_settings", "num_retries", "x"),
        ("router_settings", "num_retries", 1.5),
        ("router_settings", "num_retries", -1),
        ("router_settings", "timeout", 0.0),
        ("router_settings", "timeout", 86_401),
        ("router_settings", "stream_timeout", "1e999999999"),
        ("router_settings", "fallbacks", "x"),
        ("router_settings", "model_group_alias", [1]),
        ("general_settings", "max_request_size_mb", 2000),
        ("general_settings", "store_prompts_in_spend_logs", "yes"),
    ],
)
def test_what_is_none_is_told(section: str, key: str, value: object) -> None:
    found = imported(entry(), **{section: {key: value}})

    assert list(left(found)) == [f"{section}.{key}"]
    assert not found.config.keys() & {"reliability", "server", "logging"}


def test_the_master_key_lets_callers_and_the_operator_in() -> None:
    assert settings(general_settings={"master_key": "os.environ/MASTER"}) == {
        "server": {"keys": ["env:MASTER"], "admin_key": "env:MASTER"}
    }
    found = imported(entry(), general_settings={"master_key": "sk-made-up"})
    assert found.config["server"]["admin_key"] == "env:GEARSHIFT_ADMIN_KEY"
    assert "sk-made-up" not in str(found)


def test_sizes_and_content_are_carried() -> None:
    assert settings(general_settings={"max_request_size_mb": 20, "store_prompts_in_spend_logs": True}) == {
        "server": {"max_body_bytes": 20 * 1024 * 1024},
        "logging": {"content": True},
    }


def test_what_is_switched_off_or_empty_is_nothing_to_tell() -> None:
    found = imported(
        entry(drop_params=False),
        litellm_settings={"cache": False, "callbacks": [], "set_verbose": None},
        router_settings={"routing_strategy": "simple-shuffle", "disable_cooldowns": False},
        general_settings=None,
        environment_variables={},
    )
    assert found.not_carried == ()


def test_all_else_is_told_and_no_secret_with_it() -> None:
    found = read("all-settings")
    told = left(found)

    assert told["router_settings.routing_strategy"] == "latency-based-routing"
    assert told["litellm_settings.callbacks"] == "otel, prometheus"
    assert told["litellm_settings.something_new"] == "a mapping"
    assert told["general_settings.database_url"] == "a text (not shown)"
    assert told["include"] == "more_models.yaml"
    assert {"callback_settings", "guardrails", "litellm_settings.cache_params"} <= told.keys()
    assert read("credentials").not_carried[0].where == "environment_variables.AZURE_API_BASE"


def test_a_section_that_is_no_mapping_is_told() -> None:
    found = imported(entry(), router_settings=[1], litellm_settings="x", general_settings=7, environment_variables=[1])
    assert set(left(found)) == {"router_settings", "litellm_settings", "general_settings", "environment_variables"}
