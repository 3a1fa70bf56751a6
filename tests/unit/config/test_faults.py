"""A fault is one line with its key, and shows no secret."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gearshift.config import faults
from gearshift.config.model import Config, ServerConfig
from gearshift.config.overrides import Path

LAB = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1"}
SMALL = {"deployments": [{"provider": "lab"}]}


def render(stated: dict[str, object], origins: dict[Path, str] | None = None) -> list[str]:
    document: dict[str, Any] = {"providers": {"lab": LAB}, "models": {"small": SMALL}, **stated}
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(document)
    return faults.render(caught.value, Config, origins or {})


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ({"server": {"port": "x"}}, 'server.port: found "x", expected a whole number'),
        ({"server": {"port": -1}}, "server.port: found -1, expected at least 0"),
        ({"server": {"port": 65536}}, "server.port: found 65536, expected at most 65535"),
        ({"server": {"host": 1}}, "server.host: found 1, expected a text"),
        ({"logging": {"content": "yes"}}, 'logging.content: found "yes", expected true or false'),
        ({"logging": []}, "logging: found a list, expected a mapping"),
        ({"reliability": {"max_attempts": 21}}, "reliability.max_attempts: found 21, expected at most 20"),
        ({"models": {"small": {}}}, "models.small.deployments: found nothing, expected a value; add it"),
        ({"models": {"small": {"deployments": {}}}}, "models.small.deployments: found a mapping, expected a list"),
        (
            {"models": {"small": {"deployments": [{"provider": "lab"}, {"provider": 1}]}}},
            "models.small.deployments[1].provider: found 1, expected a text",
        ),
        ({"models": {"a b": SMALL}}, 'models.a b: found "a b" as a name, expected 1 to 200 characters without'),
        ({"routers": {"a/b": {"candidates": ["small"]}}}, 'routers.a/b: found "a/b" as a name, expected letters'),
        (
            {"routers": {"auto": {"candidates": ["small"], "objective": {"cost_tier": "huge"}}}},
            "routers.auto.objective.cost_tier: found \"huge\", expected one of 'low', 'medium', 'high', 'xhigh' or",
        ),
        (
            {"routers": {"auto": {"candidates": ["small"], "objective": {"willingness_to_pay": float("inf")}}}},
            "routers.auto.objective.willingness_to_pay: found inf, expected a finite number",
        ),
        (
            {
                "routers": {
                    "auto": {"candidates": ["small"], "objective": {"at_least": {"model": "small", "confidence": 1}}}
                }
            },
            "routers.auto.objective.at_least.confidence: found 1, expected less than 1",
        ),
        ({"routers": {"auto": {"weights": {"small": 0}}}}, "routers.auto.weights.small: found 0, expected more than 0"),
    ],
)
def test_a_fault_says_found_and_expected(stated: dict[str, object], line: str) -> None:
    assert [fault[: len(line)] for fault in render(stated)] == [line]


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ({"sever": {}}, 'sever: found an unknown key; did you mean "server"?'),
        ({"server": {"prot": 1}}, 'server.prot: found an unknown key; did you mean "port"?'),
        ({"logging": {"zzz": 1}}, "logging.zzz: found an unknown key; known keys: content"),
        ({"providers": {"lab": {**LAB, "kye": "x"}}}, 'providers.lab.kye: found an unknown key; did you mean "key"?'),
        (
            {
                "models": {
                    "small": {"deployments": [{"provider": "lab", "price": {"input": 1, "output": 1, "otput": 1}}]}
                }
            },
            'models.small.deployments[0].price.otput: found an unknown key; did you mean "output"?',
        ),
        (
            {"routers": {"auto": {"candidates": ["small"], "objective": {"cost_teir": "low"}}}},
            'routers.auto.objective.cost_teir: found an unknown key; did you mean "cost_tier"?',
        ),
        (
            {"routers": {"auto": {"rules": [{"use": "small", "wen": {}}]}}},
            'routers.auto.rules[0].wen: found an unknown key; did you mean "when"?',
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_was_meant(stated: dict[str, object], line: str) -> None:
    assert line in render(stated)


@pytest.mark.parametrize(
    "stated",
    [
        {"server": {"keys": "hunter2"}},
        {"server": {"keys": ["hunter2"]}},
        {"server": {"keys": [["hunter2"]]}},
        {"server": {"admin_key": "hunter2"}},
        {"server": {"admin_key": 112233445566}},
        {"providers": {"lab": {**LAB, "key": "hunter2"}}},
        {"providers": {"lab": "hunter2"}},
        {"providers": "hunter2"},
        {"server": {"kye": "hunter2"}},
        {"store": "postgresql://user:hunter2@host/db"},
        {"shared": "valkey://:hunter2@host"},
        {"providers": {"lab": {**LAB, "base_url": "https://user:hunter2@host"}}},
    ],
)
def test_no_secret_is_ever_shown(stated: dict[str, object]) -> None:
    found = render(stated)

    assert len(found) == 1
    assert "hunter2" not in found[0]
    assert "112233445566" not in found[0]


def test_a_fault_names_the_variable_that_set_its_key() -> None:
    origins: dict[Path, str] = {
        ("server", "port"): "GEARSHIFT__SERVER__PORT",
        ("logging",): "GEARSHIFT__LOGGING",
    }

    assert render({"server": {"port": "x"}, "logging": {"zzz": 1}}, origins) == [
        'GEARSHIFT__SERVER__PORT (server.port): found "x", expected a whole number',
        "GEARSHIFT__LOGGING (logging.zzz): found an unknown key; known keys: content",
    ]


def test_a_path_is_written_as_in_the_file() -> None:
    assert faults.locate(("routers", "auto", "candidates", 1), {}) == "routers.auto.candidates[1]"
    assert faults.locate((), {}) == "the config"


def test_a_field_without_sections_has_no_section() -> None:
    with pytest.raises(LookupError):
        faults.section_of(ServerConfig.model_fields["port"].annotation)
