from __future__ import annotations

import pytest

from gearshift.errors import ConfigError
from gearshift.execution.entra import ClientSecret
from tests.fakes.clouds import fields

PARTS = {"tenant_id": "tenant-1", "client_id": "app-1", "client_secret": "app~secret"}


def test_an_application_asks_with_its_secret() -> None:
    made = ClientSecret(PARTS)
    assert made.url == "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token"
    assert made.secrets == ["app~secret"]
    assert fields(made.ask(0)) == {
        "grant_type": "client_credentials",
        "client_id": "app-1",
        "client_secret": "app~secret",
        "scope": "https://cognitiveservices.azure.com/.default",
    }


@pytest.mark.parametrize(
    "authority", ["login.microsoftonline.us", "https://login.microsoftonline.us", "https://login.microsoftonline.us/"]
)
def test_another_authority_may_be_named(authority: str) -> None:
    made = ClientSecret({**PARTS, "authority": authority})
    assert made.url == "https://login.microsoftonline.us/tenant-1/oauth2/v2.0/token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_id": "a/../b"},
        {"tenant_id": "a?b"},
        {"authority": "http://login.microsoftonline.com"},
        {"authority": "https://host/path"},
        {"authority": "https://user@host"},
    ],
)
def test_what_would_lead_elsewhere_is_refused_and_not_shown(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        ClientSecret({**PARTS, **wrong})
    assert not any(value in caught.value.message for value in wrong.values())
