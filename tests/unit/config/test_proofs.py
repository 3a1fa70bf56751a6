"""What proves a call has parts, each a reference; the conventional variables hold what is not stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.config import Config, from_mapping
from gearshift.config.proofs import OPTIONAL, PARTS, AuthConfig, is_set, needed, parts_of
from gearshift.errors import ConfigError


def config(auth: object) -> Config:
    provider = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:1", "auth": auth}
    models = {"m": {"deployments": [{"provider": "lab"}]}}
    return from_mapping({"providers": {"lab": provider}, "models": models}, source="test", environ={})


def test_a_word_is_enough() -> None:
    assert config("entra").providers["lab"].auth == AuthConfig(kind="entra")
    assert config({"kind": "entra"}).providers["lab"].auth == AuthConfig(kind="entra")


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ("kerberos-hunter2", "providers.lab.auth.kind: found a value (not shown), expected one of 'key', 'google'"),
        ({"kind": "google", "credentials": "sk-hunter2"}, "providers.lab.auth.credentials: found a text that is no"),
        ({"kind": "google", "client_id": "env:X"}, "found client_id, expected the parts of google: credentials"),
        ({"kind": "key", "client_id": "env:X"}, "none, for `key` and `key_header` say it"),
        ({"kind": "sigv4", "acces_key_id": "env:X"}, "did you mean"),
        ({}, "providers.lab.auth.kind: found nothing"),
        (7, "providers.lab.auth: found"),
    ],
)
def test_a_wrong_one_is_a_fault_that_shows_nothing(auth: object, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(auth)
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message


def test_what_is_not_stated_is_in_its_variable_and_what_may_be_missing_is_left_out() -> None:
    assert parts_of("sigv4", None, {}) == (
        ("access_key_id", "env:AWS_ACCESS_KEY_ID"),
        ("secret_access_key", "env:AWS_SECRET_ACCESS_KEY"),
    )
    stated = AuthConfig(kind="sigv4", access_key_id="file:/id")
    assert parts_of("sigv4", stated, {"AWS_SESSION_TOKEN": "x"}) == (
        ("access_key_id", "file:/id"),
        ("secret_access_key", "env:AWS_SECRET_ACCESS_KEY"),
        ("session_token", "env:AWS_SESSION_TOKEN"),
    )
    assert parts_of("key", None, {}) == ()


def test_any_of_its_variables_shows_that_it_is_meant() -> None:
    assert not is_set("entra", {"AWS_ACCESS_KEY_ID": "x", "AZURE_CLIENT_ID": ""})
    assert is_set("entra", {"AZURE_CLIENT_ID": "x"})


def test_what_must_be_set_is_known() -> None:
    assert needed("sigv4") == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert needed("google_metadata") == []


def test_every_part_can_be_stated() -> None:
    names = {name for parts in PARTS.values() for name in parts}
    assert {*AuthConfig.model_fields} == {"kind", *names}
    assert all(optional <= PARTS[kind].keys() for kind, optional in OPTIONAL.items())


def test_a_machine_of_a_cloud_needs_nothing() -> None:
    assert parts_of("google_metadata", None, {}) == ()
    assert parts_of("managed_identity", None, {}) == ()
    assert parts_of("managed_identity", None, {"AZURE_CLIENT_ID": "x"}) == (("client_id", "env:AZURE_CLIENT_ID"),)


def test_what_gcloud_left_is_found_where_nothing_else_is_said(tmp_path: Path) -> None:
    said = "env:GOOGLE_APPLICATION_CREDENTIALS"
    folder = tmp_path / ".config" / "gcloud"
    homes = [{"HOME": str(tmp_path)}, {"CLOUDSDK_CONFIG": str(folder), "HOME": "/nowhere"}]
    assert all(parts_of("google", None, home) == (("credentials", said),) for home in [{}, *homes])
    folder.mkdir(parents=True)
    left = folder / "application_default_credentials.json"
    left.write_text("{}", encoding="utf-8")
    assert all(parts_of("google", None, home) == (("credentials", f"file:{left}"),) for home in homes)
    set_too = {**homes[0], "GOOGLE_APPLICATION_CREDENTIALS": "/key.json"}
    assert parts_of("google", None, set_too) == (("credentials", said),)
    stated = AuthConfig(kind="google", credentials="file:/key.json")
    assert parts_of("google", stated, homes[0]) == (("credentials", "file:/key.json"),)
