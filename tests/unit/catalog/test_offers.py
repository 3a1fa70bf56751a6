"""Whatever a server says it has, what comes out are names that could stand in a config."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.catalog.offers import MAX_OFFERS, MAX_WINDOW, Offer, Offers, read_offers
from gearshift.config.values import is_model_name


def listed(*items: object, under: str = "data") -> Offers:
    return read_offers(json.dumps({"object": "list", under: items}).encode())


@pytest.mark.parametrize(
    ("item", "window"),
    [
        ({"id": "m", "object": "model", "owned_by": "vllm", "max_model_len": 32768}, 32768),
        ({"id": "m", "meta": {"vocab_type": 1, "n_ctx_train": 131072, "size": 5}}, 131072),
        ({"id": "m", "meta": {"n_ctx": 4096, "n_ctx_train": 131072}}, 4096),
        ({"id": "m", "type": "llm", "state": "not-loaded", "max_context_length": 32768}, 32768),
        ({"id": "m", "type": "vlm", "loaded_context_length": 4096, "max_context_length": 32768}, 4096),
        ({"id": "m", "context_length": 128000}, 128000),
        ({"id": "m", "context_window": 131072}, 131072),
        ({"id": "m", "max_input_tokens": 200000}, 200000),
        ({"id": "m", "owned_by": "library"}, None),
        ({"id": "m", "max_model_len": "32768"}, None),
        ({"id": "m", "max_model_len": True}, None),
        ({"id": "m", "max_model_len": -1}, None),
        ({"id": "m", "max_model_len": 1e9}, None),
        ({"id": "m", "max_model_len": MAX_WINDOW + 1, "context_length": 8192}, 8192),
    ],
)
def test_a_window_is_what_the_server_says_in_its_own_way(item: dict[str, object], window: int | None) -> None:
    assert listed(item) == Offers(models=(Offer(name="m", context_window=window),))


def test_ollamas_tags_and_geminis_models_are_lists_too() -> None:
    assert listed({"name": "qwen3:8b", "size": 5}, under="models").models == (Offer(name="qwen3:8b"),)
    item = {"name": "models/g", "inputTokenLimit": 9, "supportedGenerationMethods": ["generateContent"]}
    assert listed(item, under="models").models == (Offer(name="g", context_window=9),)


def test_what_embeds_is_nothing_to_talk_to() -> None:
    embeds = {"name": "models/e", "supportedGenerationMethods": ["embedContent"]}
    assert listed({"id": "e", "type": "embeddings"}, embeds) == Offers(
        models=(Offer(name="e", embeds=True),), left_out=1
    )


@pytest.mark.parametrize(
    ("name", "embeds"),
    [
        ("nomic-embed-text:latest", True),
        ("text-embedding-3-small", True),
        ("embeddinggemma", True),
        ("bge-m3", True),
        ("BAAI/bge-large-en-v1.5", True),
        ("intfloat/e5-mistral-7b", True),
        ("all-minilm", True),
        ("qwen3:8b", False),
        ("gemma3n:e4b", False),
        ("phi-4-mini", False),
    ],
)
def test_models_of_vectors_are_known_by_their_names_where_nothing_else_tells(name: str, embeds: bool) -> None:
    assert listed({"id": name}).models[0].embeds is embeds


def test_names_that_could_not_stand_in_a_config_are_left_out() -> None:
    bad = ["", "a b", "a\nb", "a*", "x" * 201, "\x1b[31m", "a\u2028b", 7, None, {"id": 1}]
    assert listed(*({"id": name} for name in bad), "m", 7, None, []) == Offers(left_out=len(bad) + 4)


def test_a_name_counts_once_and_a_long_list_is_cut_short() -> None:
    assert listed({"id": "m", "context_length": 1}, {"id": "m"}) == Offers(
        models=(Offer(name="m", context_window=1),), left_out=1
    )
    found = listed(*({"id": f"m{number}"} for number in range(MAX_OFFERS + 5)))
    assert (len(found.models), found.left_out) == (MAX_OFFERS, 5)


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b"{}", b'{"data": {}}', b'{"data": null}', b"[" * 100_000, b"\xff\xfe", b"7"]
)
def test_what_is_no_list_is_refused_in_our_words(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^found no list of models in the answer, expected OpenAI's"):
        read_offers(body)


def test_a_deep_member_harms_nobody() -> None:
    deep = b'{"data": [{"id": "m"}, {"id": "n", "meta": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]}"
    with pytest.raises(ValueError, match="found no list"):
        read_offers(deep)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
MEMBERS = st.sampled_from(
    ["id", "name", "type", "meta", "max_model_len", "context_length", "supportedGenerationMethods"]
)


@given(st.binary() | st.lists(st.dictionaries(MEMBERS, JSON) | JSON).map(lambda d: json.dumps({"data": d}).encode()))
def test_whatever_it_says_only_good_names_come_out(body: bytes) -> None:
    try:
        found = read_offers(body)
    except ValueError:
        return
    assert all(is_model_name(each.name) for each in found.models)
    assert all(each.context_window is None or 0 < each.context_window <= MAX_WINDOW for each in found.models)
