"""The files that make a new store are what the schema says."""

from __future__ import annotations

import pytest

from gearshift.storage.schema import metadata
from tools.build_schema import DIALECTS, FOLDER, statements


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_files_are_written_anew_with_every_change(dialect: str) -> None:
    assert (FOLDER / f"{dialect}.sql").read_text(encoding="utf-8") == statements(dialect), (
        "python -m tools.build_schema"
    )


def test_no_table_keeps_a_key_itself() -> None:
    assert not {"key", "secret", "token"} & set(metadata.tables["api_keys"].c.keys())
