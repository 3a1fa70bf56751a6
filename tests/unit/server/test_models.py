from __future__ import annotations

import json
from typing import Any

import pytest

from gearshift.server.models import Listing, supported_parameters
from gearshift.types.catalog import Lifecycle, Price, Rates
from tests.fakes.nouns import deployment, provider

TEXT = deployment("small", capabilities=frozenset({"tools"}), context_window=8_000)
SIGHT = deployment(
    "large", provider("cloud"), capabilities=frozenset({"vision", "json_schema"}), context_window=128_000
)
BARE = deployment("org/bare", provider("cloud"), price=None)
LISTING = Listing(
    {"auto": (TEXT, SIGHT)}, {"small": (TEXT,), "large": (SIGHT,), "org/bare": (BARE,)}, created=1_700_000_000
)


def entry(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(LISTING.entries[name])
    return found


def test_the_list_has_openai_s_form_routers_first() -> None:
    document = json.loads(LISTING.bodies["openai_chat"])
    assert document["object"] == "list"
    assert [each["id"] for each in document["data"]] == ["auto", "small", "large", "org/bare"]
    assert all(each["object"] == "model" and each["created"] == 1_700_000_000 for each in document["data"])
    assert [each["owned_by"] for each in document["data"]] == ["gearshift", "lab", "cloud", "cloud"]
    assert [each["gearshift"]["kind"] for each in document["data"]] == ["router", "model", "model", "model"]


def test_the_list_is_its_entries() -> None:
    listed = json.loads(LISTING.bodies["openai_chat"])["data"]
    assert listed == [entry(name) for name in LISTING.entries if entry(name)["gearshift"]["kind"] != "deployment"]


def test_a_deployment_is_shown_when_it_is_asked_for() -> None:
    shown = entry("lab/small")
    assert (shown["id"], shown["owned_by"], shown["gearshift"]["kind"]) == ("lab/small", "lab", "deployment")
    assert shown["pricing"] == entry("small")["pricing"]


def test_a_router_understands_what_any_of_its_candidates_does() -> None:
    auto = set(entry("auto")["supported_parameters"])
    assert auto == set(entry("small")["supported_parameters"]) | set(entry("large")["supported_parameters"])
    assert {"tools", "tool_choice", "structured_outputs", "response_format", "temperature"} <= auto
    assert entry("auto")["architecture"]["input_modalities"] == ["text", "image"]
    assert entry("auto")["context_length"] == 128_000


def test_what_is_not_known_is_not_claimed() -> None:
    bare = entry("org/bare")
    assert (bare["context_length"], bare["pricing"]) == (None, None)
    assert "tools" not in bare["supported_parameters"]
    assert bare["architecture"]["input_modalities"] == ["text"]


def test_parameters_are_listed_once_and_in_order() -> None:
    found = supported_parameters([TEXT, SIGHT, TEXT])
    assert len(found) == len(set(found))
    assert found == supported_parameters([SIGHT, TEXT])


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (0, "0"),
        (1_000_000_000, "0.000001"),
        (100_000_000, "0.0000001"),
        (37_500_000, "0.0000000375"),
        (1, "0.000000000000001"),
        (1_000_000_000_000, "0.001"),
    ],
)
def test_prices_are_dollars_per_token_as_text(rate: int, shown: str) -> None:
    price = Price(rates=Rates(input=rate, output=rate), source="config", date="2026-11-01")
    one = deployment(price=price)
    pricing = json.loads(Listing({}, {"small": (one,)}, created=1).entries["small"])["pricing"]
    assert (pricing["prompt"], pricing["completion"]) == (shown, shown)
    assert (pricing["input_cache_read"], pricing["source"], pricing["date"]) == (None, "config", "2026-11-01")


def test_a_router_has_no_price_of_its_own() -> None:
    assert entry("auto")["pricing"] is None


def test_simulated_models_are_labelled() -> None:
    tier = deployment(of=provider("tiers", simulated=True))
    made = Listing({"auto": (tier, SIGHT), "demo": (tier,)}, {"small": (tier,)}, created=1)
    labels = {name: json.loads(each)["gearshift"]["simulated"] for name, each in made.entries.items()}
    assert labels == {"auto": False, "demo": True, "small": True, tier.id: True}


def test_a_miss_names_close_matches() -> None:
    assert "'small'" in LISTING.miss("smal")
    assert "GET /v1/models" in LISTING.miss("quite another")
    assert len(LISTING.miss("x" * 10_000)) < 300


def test_a_model_of_vectors_is_shown_as_one() -> None:
    vectors = deployment("vectors", capabilities=frozenset({"embeddings"}))
    both = deployment("both", capabilities=frozenset({"embeddings", "chat"}))
    listing = Listing({"auto": (TEXT, vectors)}, {"vectors": (vectors,), "both": (both,)}, created=1)
    shown = json.loads(listing.entries["vectors"])
    assert shown["architecture"]["output_modalities"] == ["embeddings"]
    assert shown["supported_parameters"] == ["dimensions", "encoding_format", "user"]
    assert json.loads(listing.entries["both"])["architecture"]["output_modalities"] == ["text", "embeddings"]
    auto, one, _ = json.loads(listing.bodies["gemini"])["models"]
    assert one["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]
    assert "generateContent" in auto["supportedGenerationMethods"]


def test_a_model_is_shown_under_another_spelling_by_its_own_name() -> None:
    assert LISTING.entry("openai_chat", "Small") == LISTING.entries["small"]
    assert LISTING.entry("openai_chat", "LAB/Small") == LISTING.entries["small"]
    assert LISTING.entry("openai_chat", "smal") is None


def test_the_end_of_a_model_is_told_where_a_protocol_has_a_field_for_it() -> None:
    here = deployment("old", lifecycle=Lifecycle(retires="2027-01-14", source="LiteLLM"))
    there = deployment("old", provider("cloud"), lifecycle=Lifecycle(retires="2027-03-01", source="LiteLLM"))
    stays = deployment("new", provider("cloud"))
    listing = Listing({"auto": (here,)}, {"old": (here, there), "new": (stays,), "both": (here, stays)}, created=1)
    shown = {each["id"]: each for each in json.loads(listing.bodies["openai_chat"])["data"]}
    assert {name: each["expiration_date"] for name, each in shown.items()} == {
        "auto": None,
        "old": "2027-03-01",
        "new": None,
        "both": None,
    }
    told = {each["id"]: each for each in json.loads(listing.bodies["anthropic_messages"])["data"]}
    assert (told["old"]["lifecycle"], told["old"]["retires_at"]) == ("deprecated", "2027-03-01T00:00:00Z")
    assert (told["new"]["lifecycle"], told["new"]["retires_at"]) == ("active", None)
