"""Own the demo's table: what each way of choosing cost and scored on the half that was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.cli.demo_client import Graded
from gearshift.simulate.roster import CARDS

RESAMPLES: Final = 2000
PER: Final = 1000
"""Costs are shown per this many requests."""
_PERCENT: Final = (2.5, 97.5)


class Line(Struct, frozen=True, kw_only=True):
    """Hold one way of choosing: mean score with its 95 % bootstrap interval over prompts, USD per 1,000 requests."""

    name: str
    score: float
    low: float
    high: float
    usd_per_1k: float | None


class Report:
    """Compare on the same prompts: each model always, the best one per prompt (oracle), and `auto`."""

    def __init__(
        self,
        learned: Sequence[Graded],
        known: Sequence[Graded],
        routed: Sequence[Graded],
        *,
        seed: int,
        training_seconds: float,
        notes: Sequence[str],
    ) -> None:
        """Take the graded answers: of the training half, of the test half by every model, and of `auto`."""
        self._routed = {graded.prompt.id: graded for graded in routed}
        self._known: dict[str, dict[str, Graded]] = {}
        for graded in known:
            self._known.setdefault(graded.asked, {})[graded.prompt.id] = graded
        self._ids = sorted(self._routed)
        self._seed, self._seconds, self._notes = seed, training_seconds, notes
        self.best = _best(learned, key=lambda mine: sum(graded.score for graded in mine) / len(mine))
        self.cheapest = _best(learned, key=lambda mine: -sum(graded.cost_usd or 0.0 for graded in mine))
        self.trained_on = len({graded.prompt.id for graded in learned})

    def lines(self) -> list[Line]:
        """Give every way of choosing, `auto` last."""
        rows = [(f"always {name}", self._column(name)) for name in self._known]
        return [
            self._line(name, column) for name, column in [*rows, ("oracle", self._oracle()), ("auto", self._auto())]
        ]

    def document(self) -> dict[str, object]:
        """Give the report as plain data."""
        auto, best = self._auto(), self._column(self.best)
        low, high = self._difference(auto, best)
        return {
            "trained_on_prompts": self.trained_on,
            "tested_on_prompts": len(self._ids),
            "seed": self._seed,
            "training_seconds": round(self._seconds, 2),
            "best_single_model": self.best,
            "cheapest_model": self.cheapest,
            "lines": self.lines(),
            "share_of_auto": self.shares(),
            "auto_minus_best": {"score": _mean_score(auto) - _mean_score(best), "low": low, "high": high},
            "auto_cost_over_best": _ratio(_cost(auto), _cost(best)),
        }

    def shares(self) -> dict[str, float]:
        """Give the share of requests that `auto` sent to each model."""
        counts = Counter(graded.model for graded in self._routed.values())
        return {name: count / len(self._ids) for name, count in counts.most_common()}

    def text(self) -> str:
        """Give the report for a terminal."""
        title = f"{len(self._ids)} prompts that the router has not seen (trained on {self.trained_on} others "
        out = [f"\n{title}in {self._seconds:.1f} s, seed {self._seed})\n"]
        out.append(f"{'':<22}{'score':>8}{'95 % interval':>18}{'$ per 1,000':>14}")
        for line in self.lines():
            cost = "unknown" if line.usd_per_1k is None else f"{line.usd_per_1k:.4f}"
            label = line.name + self._mark(line.name)
            out.append(f"{label:<22}{line.score:>8.3f}{f'{line.low:.3f} to {line.high:.3f}':>18}{cost:>14}")
        out.append("\nauto sent " + ", ".join(f"{share:.0%} to {name}" for name, share in self.shares().items()))
        auto, best = self._auto(), self._column(self.best)
        low, high = self._difference(auto, best)
        gain = _mean_score(auto) - _mean_score(best)
        ratio = _ratio(_cost(auto), _cost(best))
        share = "unknown" if ratio is None else f"{ratio:.1%}"
        out.append(f"against always {self.best}, the best model on the training half: score {gain:+.3f} ")
        out[-1] += f"(95 % interval {low:+.3f} to {high:+.3f}) at {share} of its cost"
        out.append("\nSIMULATED models draw their answers by a stated skill; all prices here are made up.")
        out += [f"  {note}" for note in self._notes]
        return "\n".join(out)

    def _mark(self, name: str) -> str:
        model = name.removeprefix("always ")
        return " *" if model in CARDS and CARDS[model].simulated else ""

    def _column(self, name: str) -> list[Graded]:
        return [self._known[name][prompt] for prompt in self._ids]

    def _auto(self) -> list[Graded]:
        return [self._routed[prompt] for prompt in self._ids]

    def _oracle(self) -> list[Graded]:
        """Take, for each prompt, the cheapest of the models that scored best."""

        def rank(graded: Graded) -> tuple[float, float]:
            return -graded.score, graded.cost_usd if graded.cost_usd is not None else float("inf")

        return [min((mine[prompt] for mine in self._known.values()), key=rank) for prompt in self._ids]

    def _line(self, name: str, column: Sequence[Graded]) -> Line:
        scores = np.array([graded.score for graded in column])
        low, high = self._interval(scores)
        cost = _cost(column)
        per = None if cost is None else cost / len(column) * PER
        return Line(name=name, score=float(scores.mean()), low=low, high=high, usd_per_1k=per)

    def _difference(self, ours: Sequence[Graded], theirs: Sequence[Graded]) -> tuple[float, float]:
        """Give the paired 95 % interval of the difference in score."""
        pairs = zip(ours, theirs, strict=True)
        return self._interval(np.array([our.score - their.score for our, their in pairs]))

    def _interval(self, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
        generator = np.random.default_rng(self._seed)
        picks = generator.integers(0, len(values), (RESAMPLES, len(values)))
        low, high = np.percentile(values[picks].mean(axis=1), _PERCENT)
        return float(low), float(high)


def _best(graded: Iterable[Graded], key: Callable[[list[Graded]], float]) -> str:
    groups: dict[str, list[Graded]] = {}
    for each in graded:
        groups.setdefault(each.asked, []).append(each)
    return max(groups, key=lambda name: key(groups[name]))


def _mean_score(column: Sequence[Graded]) -> float:
    return sum(graded.score for graded in column) / len(column)


def _cost(column: Iterable[Graded]) -> float | None:
    """Add costs up; None as soon as one is unknown."""
    costs = [graded.cost_usd for graded in column]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else ours / theirs
