from __future__ import annotations

from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.openai_chat import OpenAIChat, codec
from gearshift.types.catalog import Quirks


def test_edits_ask_for_the_name_only_unless_told_more() -> None:
    assert RequestEdits(model="m") == RequestEdits(model="m", include_usage=False, quirks=Quirks())
    assert ResponseEdits(model="m") == ResponseEdits(model="m", usage=b"", top=b"", counted=None)


def test_a_codec_names_its_protocol_and_path() -> None:
    assert isinstance(codec, OpenAIChat)
    assert (codec.name, codec.path("m", stream=True)) == ("openai_chat", "/chat/completions")
