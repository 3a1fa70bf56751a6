"""A name is read as another only where it is truthfully the same model; where several are meant, all are given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.catalog.spelling import MAX_CHARACTERS, Spellings, parse
from gearshift.types.catalog import Deployment
from tests.fakes.nouns import provider


def at(where: str, model: str, name: str | None = None, only: str | None = None) -> Deployment:
    return Deployment(
        id=f"{where}/{model}", model=model, name=name or model, provider=provider(where), only_snapshot=only
    )


def read(stated: str, *deployments: Deployment) -> list[str]:
    return [each.model for each in Spellings(deployments).find(stated)]


GPT, SONNET = at("openai", "gpt-5.5"), at("anthropic", "claude-sonnet-4-5")
PINNED = at("anthropic", "claude-haiku-4-5-20251001")
LOCAL = at("ollama", "qwen3:latest")
ALL = (GPT, SONNET, PINNED, LOCAL)


@pytest.mark.parametrize(
    ("stated", "model"),
    [
        ("GPT-5.5", "gpt-5.5"),
        ("openai/gpt-5.5", "gpt-5.5"),
        ("OpenAI/GPT-5.5", "gpt-5.5"),
        ("gpt-5.5-latest", "gpt-5.5"),
        ("~openai/gpt-latest", "gpt-5.5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@default", "claude-sonnet-4-5"),
        ("anthropic.claude-sonnet-4-5-v1:0", "claude-sonnet-4-5"),
        ("global.anthropic.claude-sonnet-4-5-v1:0", "claude-sonnet-4-5"),
        ("publishers/anthropic/models/claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("~anthropic/claude-sonnet-latest", "claude-sonnet-4-5"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5-2025-10-01", "claude-haiku-4-5-20251001"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("anthropic/claude-haiku-4.5", "claude-haiku-4-5-20251001"),
        ("qwen3", "qwen3:latest"),
        ("ollama/qwen3", "qwen3:latest"),
    ],
)
def test_a_model_has_many_spellings(stated: str, model: str) -> None:
    assert read(stated, *ALL) == [model]


@pytest.mark.parametrize(
    "stated",
    [
        "google/gpt-5.5",  # another author's
        "openrouter/openai/gpt-5.5",  # a provider that is not here
        "anthropic/gpt-5.5",
        "gpt-5.5-2026-04-01",  # a snapshot, where the alias may be another
        "claude-sonnet-4-5-20250929",
        "claude-haiku-4-5-20251002",
        "eu.anthropic.claude-sonnet-4-5-v1:0",  # a promise of where the data stays
        "~anthropic/gpt-latest",
        "~google/gemini-flash-latest",
        "~openrouter/openai/gpt-latest",
        "~openai/gpt-5.5",  # OpenRouter's sign, without what it is for
        "gpt-5.5-mini",
        "gpt-5",
        "gpt",
        "claude-sonnet-latest",  # without a version and without OpenRouter's sign
        "ollama/gpt-5.5",
        "qwen3:8b",
        "",
        "/",
        "~",
        "openai/",
        "x" * (MAX_CHARACTERS + 1),
    ],
)
def test_what_is_not_surely_the_same_model_is_not_taken_for_it(stated: str) -> None:
    assert read(stated, *ALL) == []


def test_a_snapshot_is_the_alias_where_the_catalogue_knows_no_other() -> None:
    sonnet = at("anthropic", "claude-sonnet-4-5", only="claude-sonnet-4-5-20250929")
    (meant,) = Spellings([sonnet]).find("claude-sonnet-4-5@20250929")
    assert meant.told == (
        "'claude-sonnet-4-5@20250929' was read as claude-sonnet-4-5, of which the catalogue knows no other snapshot"
    )
    assert read("claude-sonnet-4-5-20251212", sonnet) == []


def test_a_pinned_model_is_no_other_snapshot_whatever_the_catalogue_knows() -> None:
    pinned = at("anthropic", "sonnet", "claude-sonnet-4-5-20250929", only="claude-sonnet-4-5-20251212")
    assert read("claude-sonnet-4-5-20251212", pinned) == []
    (meant,) = Spellings([pinned]).find("claude-sonnet-4-5")
    assert meant.told.endswith("was read as sonnet, which stands for its snapshot 20250929 here")


def test_a_region_is_that_of_a_deployment_or_none() -> None:
    sonnet = at("bedrock", "sonnet", "us.anthropic.claude-sonnet-5-v1:0")
    assert read("us.anthropic.claude-sonnet-5-v1:0", sonnet) == ["sonnet"]
    assert read("US.Anthropic.claude-sonnet-5", sonnet) == ["sonnet"]
    assert read("anthropic.claude-sonnet-5-v1:0", sonnet) == ["sonnet"]
    assert read("eu.anthropic.claude-sonnet-5-v1:0", sonnet) == []


def test_the_second_version_of_a_bedrock_model_is_another_model() -> None:
    assert read("amazon.nova-pro-v1:0", at("bedrock", "nova-pro")) == ["nova-pro"]
    assert read("amazon.nova-pro-v2:0", at("bedrock", "nova-pro")) == []


def test_a_place_that_stands_in_a_models_name_is_no_part_of_its_author() -> None:
    sonnet = at("lab", "openrouter/anthropic/claude-sonnet-5")
    assert read("anthropic/claude-sonnet-5", sonnet) == [sonnet.model]
    assert read("openrouter/anthropic/claude-sonnet-5-latest", sonnet) == [sonnet.model]
    assert read("bedrock/anthropic/claude-sonnet-5", sonnet) == []


def test_the_newest_of_a_family_is_meant() -> None:
    models = [at("anthropic", name) for name in ("claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-5-5")]
    (meant,) = Spellings([*models, at("anthropic", "claude-opus-6")]).find("~anthropic/claude-sonnet-latest")
    assert meant.model == "claude-sonnet-5-5"
    assert meant.told.endswith("was read as claude-sonnet-5-5, the newest of its family here")


def test_a_deployments_own_name_means_that_deployment_only() -> None:
    here, there = at("azure", "gpt-5.5", "gpt-5.5-2026-04-01"), at("openai", "gpt-5.5", "gpt-5.5-2026-05-01")
    (meant,) = Spellings([here, there]).find("openai/GPT-5.5-20260401")
    assert (meant.model, meant.deployments) == ("gpt-5.5", (here,))
    assert "was read as azure/gpt-5.5" in meant.told


def test_a_providers_name_is_kept_to() -> None:
    here, there = at("anthropic", "claude-sonnet-5"), at("bedrock", "claude-sonnet-5", "us.anthropic.claude-sonnet-5")
    (meant,) = Spellings([here, there]).find("bedrock/claude-sonnet-5-latest")
    assert meant.deployments == (there,)
    (meant,) = Spellings([here, there]).find("Claude-Sonnet-5")
    assert meant.deployments == (here, there)
    (meant,) = Spellings([there]).find("anthropic/claude-sonnet-5")
    assert meant.deployments == (there,)


def test_where_several_models_are_meant_all_are_given() -> None:
    first, second = at("lab", "fast", "gpt-5.5-2026-04-01"), at("lab", "cheap", "gpt-5.5-2026-05-01")
    assert read("gpt-5.5", first, second) == ["fast", "cheap"]
    assert read("gpt-5.5-20260501", first, second) == ["cheap"]
    assert read("Small", at("lab", "small"), at("lab", "SMALL")) == ["small", "SMALL"]


def test_other_snapshots_are_near() -> None:
    assert Spellings(ALL).near("anthropic/claude-haiku-4-5-20260101") == ["claude-haiku-4-5-20251001"]
    assert Spellings(ALL).near("x" * 1000) == []


NAMES = st.sampled_from(
    ["gpt-5.5", "gpt-5.5-2026-04-01", "claude-sonnet-5", "claude-sonnet-5-20260301", "openai/gpt-oss-120b", "small"]
)
AUTHORS = st.sampled_from(["", "openai/", "anthropic/", "lab/", "~anthropic/", "us.anthropic."])
ENDS = st.sampled_from(["", "-latest", "@20260301", "-20260301", "-2026-04-01", ":latest", "-v1:0"])
STATED = st.one_of(st.text(max_size=40), st.tuples(AUTHORS, NAMES, ENDS).map("".join))
HERE = st.lists(st.tuples(st.sampled_from(["lab", "openai", "bedrock"]), NAMES, NAMES), max_size=6).map(
    lambda rows: list({f"{where}/{model}": at(where, model, name) for where, model, name in rows}.values())
)


@given(HERE, STATED)
def test_case_never_matters_and_nothing_is_invented(here: list[Deployment], stated: str) -> None:
    spellings = Spellings(here)
    found = spellings.find(stated)
    assert {each.model for each in found} <= {each.model for each in here}
    assert len({each.model for each in found}) == len(found)
    if stated.isascii():
        assert [(each.model, each.deployments) for each in spellings.find(stated.upper())] == [
            (each.model, each.deployments) for each in found
        ]
    assert all(each.deployments and each.told for each in found)


@given(HERE, STATED)
def test_a_snapshot_is_never_answered_by_another(here: list[Deployment], stated: str) -> None:
    said = parse(stated).snapshot
    if said is not None and len(found := Spellings(here).find(stated)) == 1:
        for each in found[0].deployments:
            assert said in {parse(each.name).snapshot, parse(each.model).snapshot}


@given(HERE)
def test_everybody_is_found_by_his_own_name(here: list[Deployment]) -> None:
    for each in here:
        assert each.model in [meant.model for meant in Spellings(here).find(each.model)]
        assert [meant.deployments for meant in Spellings(here).find(each.id)] == [(each,)]


@given(STATED)
def test_every_name_comes_apart(stated: str) -> None:
    spelling = parse(stated)
    assert isinstance(spelling.family, str)
    assert isinstance(spelling.version, tuple)
