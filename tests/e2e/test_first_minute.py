"""Show the README's first minute: no key, no config, the official client, streamed and not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import openai
import pytest

from tests.e2e.conftest import Gateway

QUESTION: list[openai.types.chat.ChatCompletionUserMessageParam] = [{"role": "user", "content": "What is 17 * 23?"}]


@pytest.fixture(scope="module")
def client(demo_gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{demo_gateway.url}/v1", api_key="any", max_retries=0)


def test_auto_answers_with_the_model_that_answered_and_its_cost(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="auto", messages=QUESTION)
    assert "391" in (answer.choices[0].message.content or "")
    assert answer.model in {model.id for model in client.models.list()}
    assert answer.model != "auto"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.model_extra is not None
    assert answer.usage.model_extra["cost"] > 0


@pytest.mark.parametrize("prompt", ["Hello", "Tell me a joke about bridges.", "Who are you and what can you do?"])
def test_a_free_prompt_gets_a_computed_answer(client: openai.OpenAI, prompt: str) -> None:
    """The simulated tiers know the demo's prompts only: whoever asks another must not get their shrug for an answer."""
    answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": prompt}], max_tokens=40)
    assert "SIMULATED" not in (answer.choices[0].message.content or "SIMULATED")
    assert not answer.model.startswith("sim-")


def test_auto_streams_and_ends_with_usage(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="auto", messages=QUESTION, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "391" in text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_extra is not None
    assert chunks[-1].usage.model_extra["cost"] > 0
    assert len({chunk.model for chunk in chunks}) == 1


def test_the_local_language_model_really_answers(client: openai.OpenAI) -> None:
    patient = client.with_options(max_retries=10)  # it loads in the background; until then the child says 503
    answer = patient.chat.completions.create(
        model="smol",
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        max_tokens=16,
        temperature=0,
    )
    assert answer.model == "smol"
    assert len((answer.choices[0].message.content or "").split()) >= 3  # words; how true is the model's affair
    assert answer.usage is not None
    assert 3 <= answer.usage.completion_tokens <= 16


def test_start_says_what_is_served(demo_gateway: Gateway) -> None:
    said = "".join(demo_gateway.lines)
    assert "no config and no provider key was found" in said
    assert "SIMULATED" in said
    assert "loopback only" in said


def test_an_unknown_model_names_close_matches(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="sim-frontier") as caught:
        client.chat.completions.create(model="sim-fronteir", messages=QUESTION)
    assert caught.value.code == "model_not_found"


def test_the_router_is_listed_with_parameters(client: openai.OpenAI) -> None:
    auto = client.models.retrieve("auto")
    assert auto.model_extra is not None
    assert "temperature" in auto.model_extra["supported_parameters"]


def test_a_dry_run_explains_the_decision(
    demo_gateway: Gateway, gearshift: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = gearshift("route", "What is 17 * 23?", "--json", cwd=demo_gateway.folder)
    assert done.returncode == 0, done.stderr
    decision = json.loads(done.stdout)
    assert decision["chosen"] == decision["candidates"][0]["deployment"]
    assert 0 < decision["propensity"] <= 1
    assert len(decision["candidates"]) + len(decision["rejected"]) >= 5


def test_the_log_can_be_exported(
    demo_gateway: Gateway, client: openai.OpenAI, gearshift: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    answer = client.chat.completions.with_raw_response.create(model="auto", messages=QUESTION)
    exchange = answer.headers["x-gearshift-exchange-id"]
    client.get(f"/generation?id={exchange}", cast_to=object)  # answers once the row is written
    done = gearshift("export", "--out", "log.jsonl", cwd=demo_gateway.folder)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (demo_gateway.folder / "log.jsonl").read_text().splitlines()]
    mine = next(row for row in rows if row["prompt_id"] == exchange)
    assert mine["model"] == answer.parse().model
    assert mine["cost_usd"] is not None
    assert mine["prompt"] is None  # content logging is off
