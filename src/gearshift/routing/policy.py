"""Own how a choice falls among candidates, and with which probability.

Invariant: every policy states the propensity of its first candidate: without it no logged decision can be used to
judge another policy (Horvitz and Thompson 1952; Dudik, Langford and Li 2011). Chance comes from the caller's dice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from gearshift.types.decision import Candidate


class Dice(Protocol):
    """Give chance: `random.Random` does, and so does a list of numbers in a test."""

    def random(self) -> float:
        """Give the next number, uniform in [0, 1)."""
        ...


class Choice(Struct, frozen=True, kw_only=True):
    """Hold candidates in the order of trial; `propensity` in (0, 1] is the probability that the first came first."""

    order: tuple[Candidate, ...]
    propensity: float


class Policy(Protocol):
    """Choose among candidates."""

    @property
    def name(self) -> str:
        """Give the word that a decision records."""
        ...

    def choose(self, candidates: Sequence[Candidate], dice: Dice) -> Choice:
        """Order `candidates`, of which there is at least one, for trial; keep them all."""
        ...

    def chances(self, candidates: Sequence[Candidate]) -> tuple[float, ...]:
        """Give the probability with which each of `candidates` would come first, in their order; they sum to 1."""
        ...


class Fixed(Struct, frozen=True):
    """Take the candidates as they come: in the order of the caller, or of the config."""

    name: ClassVar[str] = "fixed"

    def choose(self, candidates: Sequence[Candidate], dice: Dice) -> Choice:  # noqa: ARG002
        """Keep the order."""
        return Choice(order=tuple(candidates), propensity=1.0)

    def chances(self, candidates: Sequence[Candidate]) -> tuple[float, ...]:
        """Give all to the first."""
        return tuple(1.0 if number == 0 else 0.0 for number in range(len(candidates)))


class Best(Fixed, frozen=True):
    """Take the candidates as the objective ranked them."""

    name: ClassVar[str] = "best"


class Weighted(Struct, frozen=True):
    """Draw by weight.

    `weights` are of models or of deployment ids, at least 0, of any sum. A model's weight is for all its deployments
    together: the first that fits serves, the others are its first fallbacks. Then come the others, heaviest first.
    Without any weight among the candidates they keep their order.
    """

    name: ClassVar[str] = "weighted"

    weights: dict[str, float]

    def choose(self, candidates: Sequence[Candidate], dice: Dice) -> Choice:
        """Draw one; its propensity is its share of the weights of those that fit."""
        shares = self._shares(candidates)
        heaviest = sorted(shares, key=self._weight, reverse=True)
        total = sum(map(self._weight, heaviest))
        if total <= 0:
            return Choice(order=tuple(candidates), propensity=1.0)
        drawn = self._draw(heaviest, dice.random() * total)
        order = [drawn, *(name for name in heaviest if name != drawn)]
        return Choice(
            order=tuple(candidate for name in order for candidate in shares[name]),
            propensity=self._weight(drawn) / total,
        )

    def chances(self, candidates: Sequence[Candidate]) -> tuple[float, ...]:
        """Give the first deployment of each model its share of the weights."""
        shares = self._shares(candidates)
        total = sum(map(self._weight, shares))
        if total <= 0:
            return Fixed().chances(candidates)
        first = {group[0].deployment.id: self._weight(name) / total for name, group in shares.items()}
        return tuple(first.get(candidate.deployment.id, 0.0) for candidate in candidates)

    def _shares(self, candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
        """Group candidates by the weight that they share."""
        shares: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            deployment = candidate.deployment
            name = deployment.id if deployment.id in self.weights else deployment.model
            shares.setdefault(name, []).append(candidate)
        return shares

    def _draw(self, heaviest: Sequence[str], mark: float) -> str:
        """Find whose stretch of the summed weights holds `mark`; rounding at the very end falls to the heaviest."""
        for name in heaviest:
            mark -= self._weight(name)
            if mark < 0:
                return name
        return heaviest[0]

    def _weight(self, name: str) -> float:
        return self.weights.get(name, 0.0)
