from __future__ import annotations

from gearshift.migration.litellm.reasons import PARAMS, SECTIONS, SETTINGS


def test_every_reason_says_why_and_what_to_do() -> None:
    for reason in (*PARAMS.values(), *SETTINGS.values(), *SECTIONS.values()):
        assert len(reason.why) > 10
        assert len(reason.do) > 10
        assert not (reason.why + reason.do).endswith(".")


def test_the_tables_know_what_people_state_most() -> None:
    assert {"rpm", "tpm", "timeout", "max_retries", "temperature", "extra_headers", "organization"} <= PARAMS.keys()
    assert {"cooldown_time", "redis_host", "callbacks", "cache", "database_url", "alerting"} <= SETTINGS.keys()
    assert {"environment_variables", "include", "guardrails"} <= SECTIONS.keys()
