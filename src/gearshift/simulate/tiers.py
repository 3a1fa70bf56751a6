"""Own the SIMULATED priced tiers: no model computes anything here, and every answer says so.

A tier knows the right answers of the demo's prompts and gives the right one with its stated skill for the prompt's
family. Whether it does is fixed by SHA-256 of (tier, prompt): the same prompt gets the same answer, always.
A prompt of which no answer is recorded is refused, so that a gateway turns to a model that computes its answers.
Invariant: the word SIMULATED stands in the owner, the description and each answer; the name begins with `sim-`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from gearshift.simulate.answer import AnswerRefused, Card, FunctionModel
from gearshift.simulate.prompts import Family, GradedPrompt
from gearshift.types.catalog import Rates, Seconds

UNRECORDED: Final = 404
"""The status of a refusal: another model may know."""


class Tier(Struct, frozen=True, kw_only=True):
    """Hold a tier: its made-up prices, and its skill per family as a probability in [0, 1].

    `first_token` is the longest wait for the first piece in seconds; the shortest is half of it.
    """

    name: str
    rates: Rates
    skill: dict[Family, float]
    first_token: Seconds

    @property
    def card(self) -> Card:
        """Describe the tier, labelled as simulated."""
        skill = ", ".join(f"{family} {share:.0%}" for family, share in self.skill.items())
        description = f"SIMULATED tier, right by a fixed draw: {skill}"
        return Card(
            id=self.name, owned_by="gearshift SIMULATED", description=description, simulated=True, rates=self.rates
        )


TIERS: Final = (
    Tier(
        name="sim-economy",
        rates=Rates(input=100_000_000, output=400_000_000),
        skill={"arithmetic": 0.5, "units": 0.55, "docs": 0.1, "chat": 0.8, "impossible": 0.0},
        first_token=0.010,
    ),
    Tier(
        name="sim-standard",
        rates=Rates(input=600_000_000, output=2_400_000_000),
        skill={"arithmetic": 0.75, "units": 0.8, "docs": 0.3, "chat": 0.92, "impossible": 0.0},
        first_token=0.020,
    ),
    Tier(
        name="sim-frontier",
        rates=Rates(input=5_000_000_000, output=20_000_000_000),
        skill={"arithmetic": 0.95, "units": 0.97, "docs": 0.6, "chat": 0.98, "impossible": 0.0},
        first_token=0.040,
    ),
)


def build_tier(tier: Tier, prompts: Iterable[GradedPrompt]) -> FunctionModel:
    """Make the model of a tier that knows the answers of `prompts`."""
    rows = {_key(row.prompt): row for row in prompts}

    def reply(question: str) -> str:
        label = f"[SIMULATED {tier.name}]"
        row = rows.get(_key(question))
        if row is None:
            message = f"{label} there is no recorded answer to this; ask a prompt of `gearshift demo`, or another model"
            raise AnswerRefused(message, status=UNRECORDED, code="no_recorded_answer")
        if draw(tier.name, question) < tier.skill[row.family]:
            return f"{label} {row.answers[0]}"
        return f"{label} a wrong answer, drawn by the stated skill for {row.family}"

    return FunctionModel(tier.card, reply, first_token=lambda question: _wait(tier, question))


def draw(name: str, question: str) -> float:
    """Draw a number in [0, 1) that depends on the tier and the question only."""
    digest = hashlib.sha256(f"{name}\n{_key(question)}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _wait(tier: Tier, question: str) -> Seconds:
    return tier.first_token * (0.5 + 0.5 * draw(f"{tier.name} latency", question))


def _key(question: str) -> str:
    return " ".join(question.split())
