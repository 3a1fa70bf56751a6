from __future__ import annotations

import pytest

from gearshift.errors import ConfigError
from gearshift.execution.metadata import azure, google
from gearshift.execution.tokens import Ask

GOOGLE = "/computeMetadata/v1/instance/service-accounts/default/token"
AZURE = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com"


def test_a_machine_of_google_asks_the_server_beside_it() -> None:
    made = google({})
    assert made.ask(0) == Ask(f"http://metadata.google.internal{GOOGLE}", {"metadata-flavor": "Google"}, None)
    assert made.secrets == ()
    assert google({"authority": "127.0.0.1:80"}).ask(0).url == f"http://127.0.0.1:80{GOOGLE}"


def test_a_machine_of_azure_asks_for_its_identity_or_for_one_of_several() -> None:
    assert azure({}).ask(0) == Ask(f"http://169.254.169.254{AZURE}", {"metadata": "true"}, None)
    named = azure({"client_id": "app-1", "authority": "http://127.0.0.1:80/"}).ask(0)
    assert named.url == f"http://127.0.0.1:80{AZURE}&client_id=app-1"


@pytest.mark.parametrize("host", ["user@host", "host/path", "ftp://host", "a b"])
def test_what_is_no_host_is_refused_and_not_shown(host: str) -> None:
    for make in (google, azure):
        with pytest.raises(ConfigError) as caught:
            make({"authority": host})
        assert host not in caught.value.message
