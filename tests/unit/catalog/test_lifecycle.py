from __future__ import annotations

from datetime import date

import pytest

from gearshift.catalog.lifecycle import notices
from gearshift.types.catalog import Lifecycle
from tests.fakes.nouns import deployment

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("known", "notice"),
    [
        (None, None),
        (Lifecycle(retires="2027-02-26", source="LiteLLM"), None),
        (
            Lifecycle(retires="2027-02-25", source="LiteLLM"),
            "small-v1 is to be retired on 2027-02-25, says LiteLLM; choose its successor",
        ),
        (
            Lifecycle(retires="2026-11-27", source="LiteLLM"),
            "small-v1 was to be retired on 2026-11-27, says LiteLLM; choose its successor",
        ),
        (Lifecycle(source="models.dev"), "small-v1 is deprecated, says models.dev; choose its successor"),
    ],
)
def test_an_end_is_told_in_time(known: Lifecycle | None, notice: str | None) -> None:
    expected = {} if notice is None else {"lab/small": notice}
    assert notices([deployment(lifecycle=known)], TODAY) == expected
