"""Own the comparison: cost and score of `auto` at each dial beside the baselines, with paired bootstrap intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tools.routing_bench.drive import Answers
from tools.routing_bench.study import Prepared, Study

RESAMPLES: Final = 2000
PER: Final = 1000
_PERCENT: Final = (2.5, 97.5)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """Hold one way of choosing: USD per 1,000 requests, mean score, and its gain over random mixing.

    The gain is in score at the same cost, with a 95 % interval; None for the single models that the mix is made of.
    """

    name: str
    usd_per_1k: float
    score: float
    mix_score: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    shares: dict[str, float] | None = None


@dataclass(frozen=True)
class Finding:
    """Hold the result of one study."""

    study: Study
    prompts: int
    trained_on: int
    seed: int
    singles: list[Point]
    autos: list[Point]
    area: Point
    """The mean gain over all dials, as one figure that no dial was chosen for."""

    def document(self) -> dict[str, Any]:
        """Give all figures as plain data."""
        return asdict(self)


def compare(study: Study, prepared: Prepared, answers: Answers, seed: int) -> Finding:
    """Compare on the prompts that every model has."""
    prompts = [prompt for prompt in prepared.prompts if all(prompt in mine for mine in answers.values())]
    models = [name for name in answers if name in prepared.scores]
    scores = {name: np.array([prepared.scores[name][prompt] for prompt in prompts]) for name in models}
    costs = {name: np.array([answers[name][prompt][1] for prompt in prompts]) for name in models}
    picks = np.random.default_rng(seed).integers(0, len(prompts), (RESAMPLES, len(prompts)))
    singles = [Point(name, float(costs[name].mean()) * PER, float(scores[name].mean())) for name in models]
    autos, gains = [], []
    for name in (name for name in answers if name not in prepared.scores):
        chosen = [answers[name][prompt] for prompt in prompts]
        score = np.array([prepared.scores[model][prompt] for prompt, (model, _) in zip(prompts, chosen, strict=True)])
        cost = np.array([dollars for _, dollars in chosen])
        gain = _gain(score, cost, scores, costs, picks)
        gains.append(gain)
        shares = {model: count / len(prompts) for model, count in Counter(model for model, _ in chosen).most_common(5)}
        autos.append(_point(name, cost, score, gain, shares))
    mean_gain = np.mean(gains, axis=0)
    area = Point("mean over dials", float("nan"), float("nan"), None, *_summary(mean_gain))
    return Finding(study, len(prompts), prepared.trained_on, seed, singles, autos, area)


def _point(name: str, cost: Array, score: Array, gain: Array, shares: dict[str, float]) -> Point:
    mean = float(score.mean())
    return Point(name, float(cost.mean()) * PER, mean, mean - float(gain[0]), *_summary(gain), shares)


def _gain(
    score: Array, cost: Array, scores: dict[str, Array], costs: dict[str, Array], picks: NDArray[np.int64]
) -> Array:
    """Give the gain over random mixing at equal cost: on all prompts first, then on each resample."""
    out = [float(score.mean()) - mix({n: (costs[n].mean(), scores[n].mean()) for n in scores}, float(cost.mean()))]
    means = {name: (costs[name][picks].mean(axis=1), scores[name][picks].mean(axis=1)) for name in scores}
    for number, (mean_score, mean_cost) in enumerate(zip(score[picks].mean(1), cost[picks].mean(1), strict=True)):
        singles = {name: (float(pair[0][number]), float(pair[1][number])) for name, pair in means.items()}
        out.append(float(mean_score) - mix(singles, float(mean_cost)))
    return np.array(out)


def mix(singles: dict[str, tuple[float, float]], cost: float) -> float:
    """Give the best score of a random mix of (cost, score) points whose expected cost is `cost`.

    That is the upper hull of the single models (RouterBench's zero router): linear between neighbours, flat beyond the
    best one; below the cheapest model's cost it is that model's score.
    """
    hull: list[tuple[float, float]] = []
    for point in sorted(singles.values()):
        while hull and point[1] <= hull[-1][1] and point[0] >= hull[-1][0]:
            break
        else:
            while len(hull) > 1 and _above(hull[-2], hull[-1], point):
                hull.pop()
            hull.append(point)
    xs, ys = zip(*hull, strict=True)
    return float(np.interp(cost, xs, ys))


def _above(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    """Tell whether `middle` lies on or below the chord from `left` to `right`."""
    return (middle[1] - left[1]) * (right[0] - left[0]) <= (right[1] - left[1]) * (middle[0] - left[0])


def _summary(gain: Array) -> tuple[float, float, float]:
    low, high = np.percentile(gain[1:], _PERCENT)
    return float(gain[0]), float(low), float(high)
