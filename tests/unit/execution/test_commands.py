from __future__ import annotations

import pytest
from msgspec import Struct

from gearshift.execution.commands import Commit, Ended, Failed, Ready, Send, Sleep, Slept, Verdict
from tests.fakes.nouns import deployment


@pytest.mark.parametrize("kind", [Send, Sleep, Commit, Ready, Failed, Slept, Ended, Verdict])
def test_nobody_changes_what_was_said(kind: type[Struct]) -> None:
    assert kind.__struct_config__.frozen


def test_a_call_begins_an_answer_unless_it_is_told_to_go_on_with_one() -> None:
    send = Send(attempt_id="x-1", deployment=deployment(), remaining=1.0)
    assert send.purpose == "answer"
    assert send.hedge is None
    assert not Ended(at=1.0, error=None).resumable
