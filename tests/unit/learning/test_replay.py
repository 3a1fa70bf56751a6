from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from gearshift.config.policy import PolicyConfig
from gearshift.errors import DataError
from gearshift.learning.logged import Choice, Log
from gearshift.learning.replay import Replay, replay
from gearshift.routing.estimate import Option
from gearshift.types.decision import Estimate
from tests.fakes.nouns import deployment

SMALL, LARGE = deployment("small"), deployment("large")
NAMES = {"small": SMALL, "large": LARGE}


def options(small: float | None = 0.6, large: float = 0.9) -> tuple[Option, ...]:
    if small is None:
        return (SMALL, None), (LARGE, None)
    return (
        (SMALL, Estimate(quality=small, quality_std=0.1, cost=1_000_000, output_tokens=1.0)),
        (LARGE, Estimate(quality=large, quality_std=0.1, cost=10_000_000, output_tokens=1.0)),
    )


def choice(chosen: str, propensity: float, **changes: object) -> Choice:
    fields: dict[str, object] = {
        "setting": ("auto", "c", "weighted"),
        "options": options(),
        "chosen": NAMES[chosen].id,
        "propensity": propensity,
        "cost": 0.001 if chosen == "small" else 0.01,
        "score": 0.6 if chosen == "small" else 0.9,
        "session": None,
        "prompt": None,
    }
    return Choice(**{**fields, **changes})  # type: ignore[arg-type]


def asked(choices: Sequence[Choice], clip: float | None = None, **policy: object) -> Replay:
    log = Log(choices=list(choices), left_out=Counter({"not_chosen": 2}), routers=Counter())
    return replay(log, PolicyConfig.model_validate(policy), clip=clip)


def weighted(rows: int = 1000, **changes: object) -> list[Choice]:
    """Give a log of a weighted router: 80 % small, 20 % large."""
    large = [choice("large", 0.2, **changes)] * (rows // 5)
    return [*large, *[choice("small", 0.8, **changes)] * (rows - len(large))]


def test_a_weighted_log_answers_for_other_weights() -> None:
    found = asked(weighted(), weights={"small": 0.5, "large": 0.5})
    assert found.rows == 1000
    assert found.left_out == {"not_chosen": 2}
    assert found.shares["lab/large"] == pytest.approx((0.2, 0.5))
    assert found.shares["lab/small"] == pytest.approx((0.8, 0.5))
    assert found.changed == pytest.approx(0.5)
    assert [(move.source, move.target) for move in found.moves] == [
        ("lab/small", "lab/large"),
        ("lab/large", "lab/small"),
    ]
    for measure, value, log in ((found.quality, 0.75, 0.66), (found.cost, 0.0055, 0.0028)):
        assert measure.refused == ()
        assert measure.log is not None
        assert measure.log.value == pytest.approx(log)
        for each in (measure.ips, measure.snips, measure.dr, measure.dm):
            assert each is not None
            assert each.value.value == pytest.approx(value)
            assert each.difference.value == pytest.approx(value - log)
            assert each.value.low <= value <= each.value.high


def test_a_weighted_log_answers_for_an_objective() -> None:
    found = asked(weighted(), objective={"cost_tier": "medium"})
    assert found.shares["lab/large"] == (0.2, 1.0)
    assert found.moves[0].rows == 800
    assert found.quality.dr is not None
    assert found.quality.dr.value.value == pytest.approx(0.9)
    assert found.quality.support is not None
    assert found.quality.support.effective == pytest.approx(200)


def test_the_policy_of_the_log_changes_nothing() -> None:
    certain = [choice("large", 1.0, setting=("auto", "c", "best"))] * 200
    found = asked(certain, objective={"cost_tier": "max"})
    assert (found.changed, found.moves) == (0.0, ())
    assert found.quality.snips is not None
    assert found.quality.snips.difference.value == 0.0


def test_a_certain_log_cannot_answer_for_what_it_never_did() -> None:
    certain = [choice("large", 1.0, setting=("auto", "c", "best"))] * 800
    strayed = [choice("small", 1.0, setting=("auto", "c", "best"))] * 200
    found = asked([*certain, *strayed], objective={"cost_tier": "low"}, candidates=["small"])
    for measure in (found.quality, found.cost):
        assert measure.support is not None
        assert measure.support.unsupported == pytest.approx(0.8)
        assert "80.0% of the policy's choices never explored" in measure.refused[0]
        assert (measure.ips, measure.snips, measure.dr) == (None, None, None)
        assert measure.dm is not None  # a model's opinion, and shown as such
        assert measure.model == "forecasts"


def test_what_a_weighted_log_never_drew_under_the_same_conditions_is_unsupported() -> None:
    before = weighted(500)
    after = [choice("small", 0.8, setting=("auto", "later", "weighted"))] * 500
    found = asked([*before, *after], weights={"large": 1.0})
    assert found.quality.support is not None
    assert found.quality.support.unsupported == pytest.approx(0.5)


def test_a_small_log_is_refused_with_what_it_takes() -> None:
    found = asked(weighted(50), weights={"small": 0.5, "large": 0.5})
    assert "expected at least 100" in found.quality.refused[0]
    assert found.quality.log is not None


def test_without_feedback_only_the_cost_is_told() -> None:
    found = asked(weighted(score=None), weights={"small": 0.5, "large": 0.5})
    assert found.quality.refused == ("found no row with a known score, expected 100 or more",)
    assert (found.quality.rows, found.quality.log, found.quality.dm) == (0, None, None)
    assert found.cost.dr is not None


def test_each_outcome_is_told_of_the_rows_in_which_it_is_known() -> None:
    found = asked([*weighted(500), *weighted(500, cost=None)], weights={"small": 0.5, "large": 0.5})
    assert (found.quality.rows, found.cost.rows) == (1000, 500)


def test_without_forecasts_the_model_is_the_mean_in_the_log() -> None:
    found = asked(weighted(options=options(None)), weights={"small": 0.5, "large": 0.5})
    assert found.quality.model == "means"
    assert found.quality.dm is not None
    assert found.quality.dm.value.value == pytest.approx(0.75)


def test_forecasts_can_be_made_anew() -> None:
    log = Log(choices=weighted(options=options(None)), left_out=Counter(), routers=Counter())
    policy = PolicyConfig.model_validate({"objective": {"cost_tier": "medium"}})
    found = replay(log, policy, forecast=lambda _: options(0.89, 0.9))
    assert found.shares["lab/small"] == (0.8, 1.0)
    with pytest.raises(DataError, match="found no row to replay, expected some; left out: 1,000 no prompt"):
        replay(log, policy, forecast=lambda _: "no_prompt")


def test_rows_that_the_policy_cannot_decide_are_left_out() -> None:
    rows = [*weighted(), *weighted(10, options=options(None))]
    assert asked(rows, objective={"cost_tier": "medium"}).left_out == {"no_estimate": 10, "not_chosen": 2}


def test_clipping_is_stated_and_biases() -> None:
    found = asked(weighted(), clip=2.0, weights={"large": 1.0})
    assert found.quality.support is not None
    assert (found.quality.support.clip, found.quality.support.clipped_rows) == (2.0, 200)
    assert found.quality.ips is not None
    assert found.quality.ips.value.value == pytest.approx(0.36)


def test_sessions_count_once() -> None:
    rows = [each for number in range(200) for each in weighted(5, session=f"s{number}")]
    found = asked(rows, weights={"small": 0.8, "large": 0.2})
    assert found.quality.support is not None
    assert found.quality.support.effective == pytest.approx(200)


def test_intervals_hold_the_truth_of_a_log_drawn_by_chance() -> None:
    rng, held = np.random.default_rng(3), []
    for _ in range(60):
        rows = []
        for _ in range(600):
            name = "large" if rng.random() < 0.3 else "small"
            truth = 0.85 if name == "large" else 0.5
            score = float(rng.random() < truth)
            rows.append(choice(name, 0.3 if name == "large" else 0.7, score=score))
        found = asked(rows, weights={"large": 1.0}).quality.dr
        assert found is not None
        held.append(found.value.low <= 0.85 <= found.value.high)
    assert np.mean(held) >= 0.9
