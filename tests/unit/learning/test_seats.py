from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.artifact import Artifact
from gearshift.learning.features import DENSE
from gearshift.learning.parameters import SHARED, Floats, Parameters
from gearshift.learning.seats import Seats, find_seats

WANTED = [("large", 1.0), ("unseen", 2.0), ("small", None)]


@pytest.fixture(scope="module")
def learned(trained: Artifact) -> Parameters:
    return trained.parameters


@pytest.fixture(scope="module")
def rise(learned: Parameters) -> Floats:
    return np.arange(1, len(learned.trust) + 1, dtype=np.float32)


@pytest.fixture(scope="module")
def rows(learned: Parameters) -> list[int]:
    return [learned.models.index("large"), -1, learned.models.index("small")]


@pytest.fixture(scope="module")
def seats(learned: Parameters, rows: list[int], rise: Floats) -> Seats:
    return find_seats(learned, rows, WANTED, rise)


def test_the_columns_are_those_of_the_models_then_those_of_the_tasks(
    learned: Parameters, seats: Seats, rows: list[int], rise: Floats
) -> None:
    count, n_tasks, buckets = len(learned.models), len(learned.trust), learned.features.buckets
    weights, table = learned.weights.astype(np.float32), seats.table
    assert table.shape == (buckets, SHARED + 2 * len(WANTED) + 2 * n_tasks)
    assert seats.tail.shape == (DENSE, table.shape[1])
    assert seats.bias.shape == table.shape[1:]
    for place in (0, 2):
        assert np.array_equal(table[:, SHARED + place], weights[:buckets, SHARED + rows[place]])
        assert np.array_equal(table[:, SHARED + len(WANTED) + place], weights[:buckets, SHARED + count + rows[place]])
    own, theirs = SHARED + 2 * len(WANTED), SHARED + 2 * count
    assert np.array_equal(table[:, own : own + n_tasks], weights[:buckets, theirs : theirs + n_tasks])
    assert table[:, own + n_tasks :] == pytest.approx(weights[:buckets, theirs + n_tasks :] * rise)
    assert not seats.tail[:, own + n_tasks :].any()


def test_rows_lie_next_to_each_other(seats: Seats) -> None:
    assert seats.table.flags.c_contiguous


def test_a_model_that_was_in_no_training_has_no_deviation(seats: Seats) -> None:
    strange = [SHARED + 1, SHARED + len(WANTED) + 1]
    for each in (seats.table, seats.tail, seats.mix):
        assert not each[:, strange].any()
    assert not seats.bias[strange].any()
    assert seats.taught[1].all()


def test_each_seat_holds_its_models_own_numbers(learned: Parameters, seats: Seats, rows: list[int]) -> None:
    large, unseen, _ = seats.each
    assert (large.seen, unseen.seen) == (True, False)
    assert large.ability == learned.ability[rows[0]]
    assert large.scale == learned.scale[rows[0]]
    assert unseen.ability == pytest.approx(learned.prior.intercept + learned.prior.slope * np.log(2.0))
    assert unseen.ability_std == learned.prior.std


def test_the_last_column_of_the_mix_adds_up_the_chances(learned: Parameters, seats: Seats) -> None:
    assert seats.mix.shape == (len(learned.trust), SHARED + 2 * len(WANTED) + 1)
    assert (seats.mix[:, -1] == 1).all()
