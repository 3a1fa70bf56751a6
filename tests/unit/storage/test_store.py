"""The row; what every store must do is in `tests/contract/test_store.py`."""

from __future__ import annotations

import json

from gearshift.storage.store import row
from gearshift.types.chat import Usage
from tests.fakes.nouns import attempt, decision, deployment, exchange, failed


def test_tokens_and_model_are_those_of_the_attempt_that_answered() -> None:
    first, second = deployment("small"), deployment("large")
    wasted = failed(1, deployment=first, usage=Usage(input_tokens=1, estimated=True), billing="maybe_billed")
    made = row(exchange(attempts=[wasted, attempt(2, deployment=second)], decision=decision(first, second)))
    assert (made.model, made.deployment, made.input_tokens) == ("large", "lab/large", 10)
    assert made.usage_estimated


def test_the_expected_quality_is_that_of_the_candidate_that_answered() -> None:
    assert row(exchange(decision=decision(quality=0.6))).quality == 0.6
    assert row(exchange(decision=decision(deployment("other"), quality=0.6))).quality is None
    assert row(exchange(decision=decision())).quality is None
    assert row(exchange(attempts=[failed()], decision=decision(quality=0.6))).quality is None


def test_an_answer_cut_short_still_has_its_model_and_tokens() -> None:
    guess = Usage(input_tokens=10, output_tokens=3, estimated=True)
    made = row(exchange(attempts=[attempt(error="caller_left", usage=guess)], outcome="cancelled"))
    assert (made.model, made.output_tokens, made.usage_estimated, made.outcome) == ("small", 3, True, "cancelled")


def test_without_usage_nothing_is_said_of_its_origin() -> None:
    assert row(exchange(attempts=[failed()])).usage_estimated is None


def test_decision_and_attempts_are_json_documents() -> None:
    made = row(exchange())
    assert made.decision is not None
    assert json.loads(made.decision)["router"] == "auto"
    assert json.loads(made.attempts)[0]["cost_usd"] == 2e-5


def test_nothing_is_kept_of_the_content_unless_the_exchange_holds_it() -> None:
    assert (row(exchange()).prompt, row(exchange()).answer) == (None, None)
