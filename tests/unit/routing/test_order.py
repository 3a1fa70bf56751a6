import pytest

from gearshift.routing.order import as_asked
from gearshift.types.chat import Routing
from tests.unit.routing.scene import candidate, ids

ONE_A, ONE_B = candidate("a", provider="one"), candidate("b", provider="one")
TWO_A, TWO_B = candidate("a", provider="two"), candidate("b", provider="two")
THREE_A = candidate("a", provider="three")
ALL = [ONE_A, ONE_B, TWO_A, TWO_B, THREE_A]


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        (Routing(), ["one/a", "one/b", "two/a", "two/b", "three/a"]),
        (Routing(allow_fallbacks=False), ["one/a"]),
        (Routing(order=("three", "two")), ["three/a", "two/a", "one/a", "two/b", "one/b"]),
        (Routing(order=("Two", "two", "elsewhere")), ["two/a", "one/a", "three/a", "two/b", "one/b"]),
        (Routing(order=("elsewhere",)), ["one/a", "two/a", "three/a", "one/b", "two/b"]),
    ],
)
def test_the_order_that_was_asked_for(routing: Routing, expected: list[str]) -> None:
    assert ids(as_asked(ALL, routing)) == expected


def test_an_order_without_fallbacks_stays_with_the_first_model() -> None:
    routing = Routing(order=("two", "one"), allow_fallbacks=False)
    assert ids(as_asked([ONE_A, ONE_B, TWO_A, TWO_B], routing)) == ["two/a", "one/a"]
