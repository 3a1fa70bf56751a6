from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.config.names import Names
from gearshift.config.policy import PolicyConfig, load_policy
from gearshift.errors import ConfigError
from gearshift.types.decision import AtLeast

NAMES = Names(
    providers=frozenset(),
    builtin=frozenset(),
    models=("large", "small"),
    routers=(),
    deployments={"lab/large": "large", "lab/small": "small"},
)


def load(folder: Path, text: str) -> PolicyConfig:
    path = folder / "policy.yaml"
    path.write_text(text)
    return load_policy(path, NAMES)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return caught.value.faults


def test_an_objective_is_written_as_in_a_router(tmp_path: Path) -> None:
    found = load(tmp_path, "objective: {at_least: {model: large, within: 0.05}}\ncandidates: ['lab/*']")
    assert found.objective == AtLeast(model="large", within=0.05)
    assert found.candidates == ("lab/*",)


def test_weights_are_written_as_in_a_router(tmp_path: Path) -> None:
    found = load(tmp_path, "weights: {small: 0.5, lab/large: 0.5}")
    assert found.weights == {"small": 0.5, "lab/large": 0.5}
    assert found.objective is None


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    text = "candidates: [smal]\nobjective: {at_least: {model: huge}}\nrules: []\nwieghts: {}"
    found = "\n".join(faults(tmp_path, text))
    assert 'candidates[0]: found "smal", expected a model, deployment or glob; did you mean "small"?' in found
    assert 'objective.at_least.model: found "huge"' in found
    assert "rules: found a list, but a replay only weighs what was a candidate in the log; remove it" in found
    assert 'wieghts: found an unknown key; did you mean "weights"?' in found


@pytest.mark.parametrize("text", ["candidates: [small]", "{weights: {small: 1}, objective: {cost_tier: low}}"])
def test_exactly_one_aim_is_expected(tmp_path: Path, text: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert "expected exactly one of objective, weights" in fault


def test_weights_are_above_zero(tmp_path: Path) -> None:
    assert "expected more than 0" in faults(tmp_path, "weights: {small: 0}")[0]


def test_a_hard_bound_on_latency_is_refused_because_the_log_cannot_tell(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "objective: {cost_tier: low, latency: {p95_first_token: 2s}}")
    assert "latency" in fault
    assert "remove it" in fault


def test_a_budget_is_refused_because_its_pace_comes_from_spending(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "objective: {budget: {usd: 10, per: day}}")
    assert "state willingness_to_pay instead" in fault
