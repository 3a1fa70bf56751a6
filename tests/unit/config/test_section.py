"""Every part of a config is frozen and closed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gearshift.config.section import Section


class Part(Section):
    size: int = 1


def test_a_section_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Part().size = 2  # type: ignore[misc]


def test_a_section_knows_its_keys() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Part.model_validate({"sise": 2})
