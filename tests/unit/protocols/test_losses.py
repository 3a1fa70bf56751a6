from __future__ import annotations

from gearshift.protocols.losses import dropped, mapped
from gearshift.types.record import Loss


def test_a_loss_says_what_became_of_a_field() -> None:
    assert dropped("seed", "no such field") == Loss(field="seed", kind="dropped", detail="no such field")
    assert mapped("max_tokens", "said as 9") == Loss(field="max_tokens", kind="mapped", detail="said as 9")
