from __future__ import annotations

import pytest

from gearshift.errors import MAX_UPSTREAM_TEXT
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


@pytest.mark.parametrize(
    "text",
    [
        SECRET.upper(),
        f"Content-Type: {SECRET.title()}",
        f"cut by them: {SECRET[:-3]}",
        f"cut by them: {SECRET[:7]}",
        f"cut inside, {SECRET[:14]}... and on",
        f"twice {SECRET}{SECRET} or {SECRET}",
    ],
)
def test_a_secret_is_found_in_any_case_and_when_it_is_cut(text: str) -> None:
    assert SECRET[:7] not in CREDENTIALS.redact(provider("lab"), text).lower()


@pytest.mark.parametrize("before", range(MAX_UPSTREAM_TEXT - len(SECRET) - 3, MAX_UPSTREAM_TEXT + 3))
def test_wherever_a_text_is_cut_no_piece_of_a_secret_is_left(before: int) -> None:
    said = CREDENTIALS.redact(provider("lab"), "." * before + SECRET + "." * 500)
    assert len(said) <= MAX_UPSTREAM_TEXT
    assert SECRET[:2] not in said


def test_words_that_only_resemble_a_secret_stay() -> None:
    said = "sk-upst is the prefix of our keys, İ too"
    assert CREDENTIALS.redact(provider("lab"), said) == said


def test_a_repr_names_providers_not_secrets() -> None:
    assert repr(CREDENTIALS) == "Credentials(cloud, lab)"


def test_later_changes_of_the_given_mapping_change_nothing() -> None:
    given = {"lab": SECRET}
    kept = Credentials(given)
    given["lab"] = "sk-changed"
    assert kept.headers(provider("lab")) == {"authorization": f"Bearer {SECRET}"}
