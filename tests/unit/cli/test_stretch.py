from __future__ import annotations

import pytest

from gearshift.cli.stretch import seconds
from gearshift.errors import DataError


@pytest.mark.parametrize(
    ("text", "found"), [("30s", 30), ("5m", 300), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_a_stretch_is_a_number_and_a_unit(text: str, found: float) -> None:
    assert seconds(text, "--since") == found


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "1.5h", "7 d", "7y", "²d"])
def test_all_else_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(DataError, match=r"--since: found .* such as 7d"):
        seconds(text, "--since")
