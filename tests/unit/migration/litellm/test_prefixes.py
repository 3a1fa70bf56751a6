from __future__ import annotations

import pytest

from gearshift.config.rows import OWN, builtin
from gearshift.migration.litellm.prefixes import PREFIXES, REFUSED, split


@pytest.mark.parametrize(
    ("model", "stated", "found"),
    [
        ("openai/gpt-5.5", None, ("openai", "gpt-5.5")),
        ("groq/openai/gpt-oss-20b", None, ("groq", "openai/gpt-oss-20b")),
        ("openai/gpt-oss-20b", "groq", ("groq", "openai/gpt-oss-20b")),
        ("groq/gemma", "groq", ("groq", "gemma")),
        ("gpt-5.5", None, ("openai", "gpt-5.5")),
        ("o3-mini", None, ("openai", "o3-mini")),
        ("claude-sonnet-5", None, ("anthropic", "claude-sonnet-5")),
        ("gemini-3.8-flash", None, ("vertex_ai", "gemini-3.8-flash")),
        ("responses/gpt-5.5", None, ("openai", "responses/gpt-5.5")),
        ("mystery", None, (None, "mystery")),
        ("mystery", 7, (None, "mystery")),
    ],
)
def test_a_model_is_parted_from_its_prefix(model: str, stated: object, found: tuple[str | None, str]) -> None:
    assert split(model, stated) == found


def test_every_prefix_leads_to_a_row_that_is_there() -> None:
    rows = {prefix.row for prefix in PREFIXES.values() if prefix.row is not None}

    assert rows <= builtin().keys()
    assert not PREFIXES.keys() & REFUSED.keys()
    assert len(rows) >= 25


def test_a_suffix_is_what_the_rows_own_url_ends_in() -> None:
    for name, prefix in PREFIXES.items():
        if prefix.row is not None and prefix.suffix:
            assert builtin()[prefix.row].base_url.endswith(prefix.suffix), name
    assert OWN in builtin()["azure"].base_url
