from __future__ import annotations

import pytest

from gearshift.errors import ConfigError
from tests.unit.migration.litellm.scene import entry, imported, left


@pytest.mark.parametrize("mode", ["image_generation", "rerank", "audio_transcription", "completion", 7])
def test_a_mode_that_is_not_served_is_told(mode: object) -> None:
    found = imported(entry("openai/kept", "kept"), entry(info={"mode": mode}))

    assert list(found.config["models"]) == ["kept"]
    assert left(found) == {"model_list[1].model_info.mode": str(mode)}


@pytest.mark.parametrize("name", ["openai/whisper-1", "openai/tts-1", "cohere/rerank-v3.5", "openai/bge-reranker-v2"])
def test_a_name_may_tell_the_mode_where_nothing_else_does(name: str) -> None:
    with pytest.raises(ConfigError, match="its name says that it neither chats nor makes embeddings"):
        imported(entry(name))
    assert imported(entry(name, info={"mode": "chat"})).config["models"]


@pytest.mark.parametrize("name", ["text-embedding-3-small", "ollama/nomic-embed-text", "deepinfra/BAAI/bge-m3"])
def test_a_name_may_tell_that_it_makes_embeddings(name: str) -> None:
    found = imported(entry(name.lower()))

    assert found.config["models"]["it"]["capabilities"] == ["embeddings"]
    assert "model_list[0].litellm_params.model: its name says that it makes embeddings" in found.assumptions
    assert "capabilities" not in imported(entry(name, info={"mode": "chat"})).config["models"]["it"]
    stated = imported(entry("openai/e", info={"mode": "embedding"}))
    assert stated.config["models"]["it"]["capabilities"] == ["embeddings"]
    assert "routers" not in stated.config
