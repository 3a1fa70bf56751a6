"""A secret is read from where the config says, and never shows."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest

from gearshift.config.secret import Secret, resolve_document, resolve_secret
from gearshift.errors import ConfigError

VALUE = "sk-very-secret-42"


def test_a_secret_hides_in_every_usual_way_of_writing_it() -> None:
    secret = Secret(VALUE)

    assert secret.reveal() == VALUE
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr([secret])):
        assert VALUE not in shown
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError, match="not written"):
        copy.deepcopy(secret)  # by the way that pickling goes


def test_secrets_are_compared_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


def test_a_secret_comes_from_the_environment_without_white_space() -> None:
    assert resolve_secret("env:LAB_KEY", {"LAB_KEY": f" {VALUE}\n"}).reveal() == VALUE


def test_a_secret_comes_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(VALUE + "\n")

    assert resolve_secret(f"file:{tmp_path / 'key'}", {}).reveal() == VALUE


@pytest.mark.parametrize("environ", [{}, {"LAB_KEY": ""}, {"LAB_KEY": "  \n"}])
def test_an_unset_or_empty_variable_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="the environment variable LAB_KEY unset or empty"):
        resolve_secret("env:LAB_KEY", environ)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "found no file"),
        (b"", "empty; fill it"),
        (b"a" * 20_000, "more than 16384 bytes"),
        (b"\xff\xfe\x00k", "that no key has"),
        (b"one\ntwo", "that no key has"),
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=fault):
        resolve_secret(f"file:{path}", {})


def test_a_directory_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="found no file"):
            resolve_secret(f"file:{path}", {})


def test_a_key_that_would_break_a_header_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_secret("env:LAB_KEY", {"LAB_KEY": f"{VALUE}\r\nx-evil: 1"})

    assert VALUE not in caught.value.message


DOCUMENT = '{\n  "private_key": "sk-very-secret-42"\n}'


def test_a_document_is_a_files_or_a_variables_or_where_a_variable_says(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(DOCUMENT + "\n", encoding="utf-8")
    line = DOCUMENT.replace("\n", "")
    assert resolve_document(f"file:{path}", {}).reveal() == DOCUMENT
    assert resolve_document("env:FILE", {"FILE": str(path)}).reveal() == DOCUMENT
    assert resolve_document("env:TEXT", {"TEXT": line}).reveal() == line


@pytest.mark.parametrize("text", ["", "no json sk-very-secret-42"])
def test_a_document_that_is_none_is_a_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text, encoding="utf-8")
    for reference in (f"file:{path}", "env:FILE"):
        with pytest.raises(ConfigError, match="no JSON object") as caught:
            resolve_document(reference, {"FILE": str(path)})
        assert VALUE not in caught.value.message
    with pytest.raises(ConfigError, match="FILE unset"):
        resolve_document("env:FILE", {})
    with pytest.raises(ConfigError, match="no file"):
        resolve_document("env:FILE", {"FILE": str(tmp_path / "gone")})
