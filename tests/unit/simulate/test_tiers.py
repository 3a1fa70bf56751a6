from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.answer import AnswerRefused, Prompt, Turn
from gearshift.simulate.prompts import grade, load_prompts
from gearshift.simulate.tiers import TIERS, Tier, build_tier, draw

ROWS = load_prompts()


def answers_of(tier: Tier, questions: list[str]) -> list[str]:
    model = build_tier(Tier(name=tier.name, rates=tier.rates, skill=tier.skill, first_token=0.0), ROWS)

    async def ask(question: str) -> str:
        pieces = [piece async for piece in model.answer(Prompt(turns=(Turn(role="user", text=question),)))]
        return "".join(piece for piece in pieces if isinstance(piece, str))

    async def ask_all() -> list[str]:
        return [await ask(question) for question in questions]

    return asyncio.run(ask_all())


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_a_tier_is_right_about_as_often_as_it_states(tier: Tier) -> None:
    answers = answers_of(tier, [row.prompt for row in ROWS])
    for family, skill in tier.skill.items():
        grades = [grade(row, text) for row, text in zip(ROWS, answers, strict=True) if row.family == family]
        spread = math.sqrt(skill * (1 - skill) / len(grades))
        assert abs(sum(grades) / len(grades) - skill) <= 3 * spread


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_every_answer_and_card_says_simulated(tier: Tier) -> None:
    answers = answers_of(tier, [row.prompt for row in ROWS])
    assert all(text.startswith(f"[SIMULATED {tier.name}] ") for text in answers)
    assert tier.name.startswith("sim-")
    assert tier.card.simulated
    assert "SIMULATED" in tier.card.owned_by
    assert tier.card.description.startswith("SIMULATED")


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_a_prompt_without_a_recorded_answer_is_refused_so_that_another_model_answers(tier: Tier) -> None:
    with pytest.raises(AnswerRefused, match=rf"^\[SIMULATED {tier.name}\] there is no recorded answer") as caught:
        answers_of(tier, ["an unknown prompt"])
    assert (caught.value.status, caught.value.code) == (404, "no_recorded_answer")


def test_the_same_prompt_gets_the_same_answer() -> None:
    question = ROWS[0].prompt
    assert len(set(answers_of(TIERS[0], [question, f"  {question}\n", question]))) == 1


def test_dearer_tiers_know_more() -> None:
    for cheap, dear in itertools.pairwise(TIERS):
        assert dear.rates.output > cheap.rates.output
        assert all(dear.skill[family] >= share for family, share in cheap.skill.items())


@given(st.text(), st.text())
def test_a_draw_is_a_probability(name: str, question: str) -> None:
    assert 0.0 <= draw(name, question) < 1.0
