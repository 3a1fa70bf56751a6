from __future__ import annotations

import pytest

from gearshift.protocols.registry import CODECS
from tools.build_translation import CHAT, PAGE, PROBES, main, outcome, page


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
    assert main(["--check"]) == 0
    assert "current" in capsys.readouterr().out


def test_every_protocol_has_its_table() -> None:
    assert [*PROBES, "bedrock_converse"] == list(CODECS)
    assert all(len(probes) >= 15 for probes in PROBES.values())


@pytest.mark.parametrize(
    ("field", "upstream", "expected"),
    [
        ("`tools` (functions)", "anthropic_messages", "carried"),
        ("`reasoning_effort`", "anthropic_messages", "mapped"),
        ("`seed`", "anthropic_messages", "dropped"),
        ("`seed`", "gemini", "carried"),
        ("`n` above 1", "openai_responses", "refused"),
        ("`top_k`", "bedrock_converse", "carried"),
        ("image by URL", "bedrock_converse", "refused"),
        ("a field that nobody knows", "gemini", "dropped"),
    ],
)
def test_what_becomes_of_a_field(field: str, upstream: str, expected: str) -> None:
    assert outcome(CODECS["openai_chat"], CODECS[upstream], CHAT[field]) == expected
