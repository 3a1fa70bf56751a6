from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gearshift.errors import MAX_UPSTREAM_TEXT
from gearshift.execution.credentials import Credentials
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proof import Outgoing
from gearshift.execution.upstream import Upstream
from gearshift.types.catalog import Provider
from tests.fakes.nouns import SECRET, provider


class Signing:
    """Prove a call by a header and a mark at the end of its body."""

    secrets: Sequence[str] = ("signing-secret", "token-of-today")
    stale = 0

    def refused(self) -> bool:
        self.stale += 1
        return True

    async def prove(self, call: Outgoing, upstream: Upstream) -> Outgoing:
        assert isinstance(upstream, Http1Upstream)
        return call._replace(headers={**call.headers, "proof": "signed"}, body=call.body + b"!")


CREDENTIALS = Credentials({"lab": SECRET, "cloud": "sk-other"}, {"signed": Signing()})
CALL = Outgoing("http://up/v1", {"a": "b"}, b"body")


def proven(of: Provider, call: Outgoing = CALL, credentials: Credentials = CREDENTIALS) -> Outgoing:
    return asyncio.run(credentials.prove(of, call, Http1Upstream()))


def headers(of: Provider) -> dict[str, str]:
    made = proven(of)
    assert (made.url, made.body) == (CALL.url, CALL.body)
    return {name: value for name, value in made.headers.items() if CALL.headers.get(name) != value}


def test_a_bearer_is_the_usual_way() -> None:
    assert headers(provider("lab")) == {"authorization": f"Bearer {SECRET}"}


def test_a_provider_may_want_its_key_in_a_header_of_its_own() -> None:
    assert headers(provider("lab", key_header="x-api-key")) == {"x-api-key": SECRET}


def test_a_provider_without_a_key_is_called_without_one() -> None:
    assert headers(provider("demo")) == {}


@pytest.mark.parametrize(("url", "joint"), [("http://up/v1", "?"), ("http://up/v1?alt=sse", "&")])
def test_a_provider_may_want_its_key_in_the_query(url: str, joint: str) -> None:
    odd = Credentials({"lab": "a&b c"})
    at = provider("lab", key_query="key")
    assert proven(at, CALL._replace(url=url), odd) == CALL._replace(url=f"{url}{joint}key=a%26b%20c")
    assert odd.redact(at, "no /v1?key=a%26b%20c here") == "no /v1?key=[key] here"


def test_a_proof_makes_of_a_call_what_it_wants_and_its_secrets_are_taken_out() -> None:
    made = proven(provider("signed"))
    assert made == Outgoing(CALL.url, {"a": "b", "proof": "signed"}, b"body!")
    said = CREDENTIALS.redact(provider("signed"), "signing-secret and TOKEN-OF-TODAY, but token-of")
    assert said == "[key] and [key], but "


def test_a_proof_is_told_that_it_was_not_believed() -> None:
    signing = Signing()
    kept = Credentials({"lab": SECRET}, {"signed": signing})
    for name in ("signed", "lab", "demo"):
        kept.refused(provider(name))
    assert signing.stale == 1


def test_a_secret_goes_to_its_own_provider_only() -> None:
    assert SECRET not in str(headers(provider("cloud")))


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
    assert repr(CREDENTIALS) == "Credentials(cloud, lab, signed)"


def test_later_changes_of_the_given_mapping_change_nothing() -> None:
    given = {"lab": SECRET}
    kept = Credentials(given)
    given["lab"] = "sk-changed"
    assert proven(provider("lab"), CALL, kept).headers["authorization"] == f"Bearer {SECRET}"
