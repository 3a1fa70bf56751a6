from __future__ import annotations

from gearshift.routing.check import part, reject, some
from gearshift.types.catalog import Deployment
from gearshift.types.decision import Rejection
from tests.unit.routing.scene import deployment

SMALL, LARGE = deployment("small"), deployment("large")


def never(one: Deployment) -> Rejection:
    return reject(one, "denied", "never")


def small_only(one: Deployment) -> Rejection | None:
    return None if one.model == "small" else reject(one, "not_allowed", "large")


def test_each_comes_out_once_with_the_first_reason_against_it() -> None:
    fits, rejected = part([LARGE, SMALL], [small_only])
    assert (fits, [(each.deployment, each.reason) for each in rejected]) == ([SMALL], [(LARGE.id, "not_allowed")])
    _, rejected = part([LARGE, SMALL], [small_only, never])
    assert [each.reason for each in rejected] == ["not_allowed", "denied"]
    assert part([LARGE], []) == ([LARGE], [])


def test_names_are_listed_cut_short() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(["x" * 99, *"bcdefg"]) == f"{'x' * 60}, b, c, d, e and 2 more"
