from __future__ import annotations

from gearshift.storage.secrets import SHOWN, is_misspelt, make_key


def test_keys_are_long_random_and_told_by_their_beginning() -> None:
    made = {make_key() for _ in range(1000)}
    assert len(made) == 1000
    assert all(key.startswith("gs-") and len(key) == 3 + 43 + 6 for key in made)
    assert len({key[:SHOWN] for key in made}) > 900


def test_a_slip_of_the_pen_is_told_from_a_key_of_somebody_else() -> None:
    key = make_key()
    assert not is_misspelt(key)
    assert is_misspelt(key[:-1])
    assert is_misspelt(f"{key[:10]}{'A' if key[10] != 'A' else 'B'}{key[11:]}")
    assert is_misspelt("gs-")
    assert not is_misspelt("sk-somebody-else")
    assert is_misspelt("gs-\udc80" + "x" * 40)
