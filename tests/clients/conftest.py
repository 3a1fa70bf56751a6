"""Own what stands when clients are driven: aimock, a wiretap before it, and two gateways, one of them short of time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.driving import AIMOCK_KEY, Drive, Wiretap, aimock_running, config
from tests.e2e.conftest import serving


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    """Give the URL of aimock, a provider that others wrote, which speaks all four protocols."""
    with aimock_running() as url:
        yield url


@pytest.fixture(scope="session")
def wiretap(aimock: str) -> Iterator[Wiretap]:
    """Give a way to aimock that remembers what passed."""
    with Wiretap(aimock) as tap:
        yield tap


@pytest.fixture(scope="session")
def gateway(wiretap: Wiretap, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a gateway whose models stand at aimock, one for each protocol."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "gearshift.yaml").write_text(config(wiretap.url), encoding="utf-8")
    with serving(folder, environ={"AIMOCK_KEY": AIMOCK_KEY}) as running:
        yield running.url


@pytest.fixture(scope="session")
def hurried_gateway(aimock: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a gateway that waits two seconds for anything, and four at all."""
    folder = tmp_path_factory.mktemp("hurried")
    times = "first_token_timeout: 2s, answer_timeout: 3s, stall_timeout: 2s, deadline: 4s"
    limits = f"reliability: {{{times}, circuit_breaker: false, retries: 0, rescue: false}}\n"
    (folder / "gearshift.yaml").write_text(config(aimock) + limits, encoding="utf-8")
    with serving(folder, environ={"AIMOCK_KEY": AIMOCK_KEY}) as running:
        yield running.url


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drive]:
    """Give what drives clients; each job is done once."""
    made = Drive(tmp_path_factory.mktemp("clients"))
    yield made
    made.close()
