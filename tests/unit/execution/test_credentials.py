from __future__ import annotations

from gearshift.execution.credentials import Credentials
from tests.fakes.nouns import SECRET, provider

CREDENTIALS = Credentials({"lab": SECRET, "cloud": "sk-other"})


def test_a_bearer_is_the_usual_way() -> None:
    assert CREDENTIALS.headers(provider("lab")) == {"authorization": f"Bearer {SECRET}"}


def test_a_provider_may_want_its_key_in_a_header_of_its_own() -> None:
    assert CREDENTIALS.headers(provider("lab", key_header="x-api-key")) == {"x-api-key": SECRET}


def test_a_provider_without_a_key_is_called_without_one() -> None:
    assert CREDENTIALS.headers(provider("demo")) == {}


def test_a_secret_goes_to_its_own_provider_only() -> None:
    assert SECRET not in str(CREDENTIALS.headers(provider("cloud")))


def test_a_secret_is_taken_out_of_what_its_provider_wrote() -> None:
    assert CREDENTIALS.redact(provider("lab"), f"bad key {SECRET}!") == "bad key [key]!"
    assert CREDENTIALS.redact(provider("demo"), "no key at all") == "no key at all"
    assert Credentials({"lab": ""}).redact(provider("lab"), "as it was") == "as it was"


def test_a_repr_names_providers_not_secrets() -> None:
    assert repr(CREDENTIALS) == "Credentials(cloud, lab)"


def test_later_changes_of_the_given_mapping_change_nothing() -> None:
    given = {"lab": SECRET}
    kept = Credentials(given)
    given["lab"] = "sk-changed"
    assert kept.headers(provider("lab")) == {"authorization": f"Bearer {SECRET}"}
