from __future__ import annotations

from msgspec import Raw

from gearshift.types.embedding import EmbeddingRequest, TokenIds


def test_an_embedding_is_never_streamed_and_says_nothing_that_was_not_said() -> None:
    bare = EmbeddingRequest(model="m", inputs=("a", TokenIds(raw=Raw(b"[1,2]"), count=2)))
    assert (bare.stream, bare.include_usage) == (False, None)
    assert (bare.dimensions, bare.user, bare.single, bare.encoding) == (None, None, False, "float")
    assert "stream" not in EmbeddingRequest.__struct_fields__
