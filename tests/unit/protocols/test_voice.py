from __future__ import annotations

import inspect

import pytest

from gearshift.protocols.registry import CALLERS, CODECS, EMBEDDERS
from gearshift.protocols.voice import Voice

EVERY: dict[str, Voice] = {**CODECS, **EMBEDDERS}


@pytest.mark.parametrize("name", EVERY)
def test_every_codec_has_what_is_common_to_all(name: str) -> None:
    voice = EVERY[name]
    assert voice.name == name
    for method, ours in inspect.getmembers(Voice, inspect.isfunction):
        if not method.startswith("_"):
            expected = [each for each in inspect.signature(ours).parameters if each != "self"]
            assert list(inspect.signature(getattr(voice, method)).parameters) == expected, method


@pytest.mark.parametrize("name", CALLERS)
def test_a_sign_of_life_says_nothing(name: str) -> None:
    codec = CODECS[name]
    assert codec.keep_alive.endswith(b"\n")
    decoder = codec.stream_decoder()
    assert decoder.feed(codec.keep_alive) == []
    relay = codec.relay("m")
    assert relay.feed(codec.keep_alive).strip() in {b"", codec.keep_alive.strip()}
    assert not relay.content_seen
