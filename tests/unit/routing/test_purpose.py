from __future__ import annotations

from msgspec import Raw

from gearshift.routing.purpose import chats, embeds, holds_each
from gearshift.types.embedding import EmbeddingRequest, TokenIds
from tests.fakes.nouns import deployment, provider


def test_only_who_is_known_to_make_vectors_is_asked_for_some() -> None:
    assert embeds(deployment(capabilities=frozenset({"embeddings"}))) is None
    unknown, without = embeds(deployment()), embeds(deployment(capabilities=frozenset({"tools"})))
    assert unknown is not None
    assert without is not None
    assert (unknown.reason, without.reason) == ("capability_unknown", "capability_missing")
    assert "add embeddings to models.small.capabilities" in without.detail


def test_a_protocol_without_embeddings_is_named() -> None:
    at = provider("a", protocol="anthropic_messages")
    found = embeds(deployment("claude", at, capabilities=frozenset({"embeddings"})))
    assert found is not None
    assert "anthropic_messages, which has no embeddings" in found.detail


def test_who_makes_vectors_chats_only_where_that_is_said() -> None:
    assert chats(deployment()) is None
    assert chats(deployment(capabilities=frozenset({"embeddings", "chat"}))) is None
    found = chats(deployment(capabilities=frozenset({"embeddings"})))
    assert found is not None
    assert "/v1/embeddings" in found.detail


def test_each_input_is_held_to_the_window_by_itself() -> None:
    check = holds_each(EmbeddingRequest(model="m", inputs=("one two", "three four") * 50))
    assert check(deployment(context_window=8)) is None
    assert check(deployment()) is None
    long = EmbeddingRequest(model="m", inputs=("a", TokenIds(raw=Raw(b"[]"), count=9)))
    found = holds_each(long)(deployment(context_window=8))
    assert found is not None
    assert (found.reason, "at least 9 tokens" in found.detail) == ("context_window", True)
    assert holds_each(EmbeddingRequest(model="m", inputs=("word " * 500,)))(deployment(context_window=8)) is not None
