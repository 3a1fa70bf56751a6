from __future__ import annotations

import pytest

from gearshift.config.values import LABEL
from gearshift.migration.litellm.blanks import UNSET, blank_of


@pytest.mark.parametrize(("variable", "blank"), [("OUR_AZURE", "our-azure"), ("_9", "9"), ("___", "unnamed")])
def test_a_blank_is_a_host_that_nobody_has(variable: str, blank: str) -> None:
    assert blank_of(variable) == f"{blank}{UNSET}"
    assert LABEL.fullmatch(blank_of(variable))
