from __future__ import annotations

from gearshift.cli.printing import as_text


def test_json_is_laid_out() -> None:
    assert as_text({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
