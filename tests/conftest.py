"""Own what every test shares: the hypothesis profiles and the folder of recorded outcomes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import postgres as postgresql
from tests.fakes import valkey as valkey_server

# `ci` tries the same examples every time, so a red run is a change in the code; `explore` looks further, at random.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine is not a bug
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],  # nor is a slow first example
)
settings.register_profile("explore", deadline=None, max_examples=2000)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
settings.load_profile(PROFILE)


def pytest_report_header() -> str:
    """Name the hypothesis profile at the head of the run."""
    return f"hypothesis profile: {PROFILE} (HYPOTHESIS_PROFILE=ci|explore)"


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """Give a running PostgreSQL."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[valkey_server.Server]:
    """Give a running Valkey."""
    with valkey_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of recorded outcome data: GEARSHIFT_DATA, else ../shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GEARSHIFT_DATA", beside))
    if not folder.is_dir():
        pytest.skip("skipped: no data")
    return folder
