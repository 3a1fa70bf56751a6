from __future__ import annotations

from itertools import permutations

import pytest

from gearshift.cli.benchmark import translation
from gearshift.cli.benchmark.translation import measure_translation, sample
from gearshift.execution.handover import Heir, hand_over
from gearshift.protocols.registry import CODECS


def test_every_pair_of_protocols_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROUNDS", "REPEATS", "CHUNKS"):
        monkeypatch.setattr(translation, name, 2)
    pairs = measure_translation()
    assert [(each.caller, each.upstream) for each in pairs] == list(permutations(CODECS, 2))
    assert all(min(each.request_s, each.chunk_s, each.request_ratio, each.chunk_ratio) > 0 for each in pairs)


def test_the_sample_needs_no_hand_over() -> None:
    asked = sample()
    assert hand_over(asked, None, Heir(protocol="other", provider="p")).request is asked
