"""A file becomes plain data, or a fault that says where; nothing in it can hurt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config import document
from gearshift.errors import ConfigError


def parse(text: str, suffix: str = ".yaml") -> object:
    return document.parse(text.encode(), suffix)


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.YAML"])
def test_yaml_is_read_by_extension(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("server: {port: 1}")

    assert document.read(tmp_path / name) == {"server": {"port": 1}}


def test_toml_is_read_by_extension(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[models."gpt-5.5"]\ncontext_window = 1')

    assert document.read(tmp_path / "a.toml") == {"models": {"gpt-5.5": {"context_window": 1}}}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert document.parse(b"\xef\xbb\xbfserver: {}", ".yaml") == {"server": {}}


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_missing_file_and_a_directory_are_told_apart(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        document.read(tmp_path / name)

    assert ("no file" if name == "absent.yaml" else "a directory") in caught.value.message


def test_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(ConfigError, match="a directory or device"):
        document.read(tmp_path / "pipe.yaml")


def test_a_file_of_ten_megabytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * 10_000_000)

    with pytest.raises(ConfigError, match="more than 1048576 bytes"):
        document.read(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("data", "suffix", "fault"),
    [
        (b"a: \xff", ".yaml", "not UTF-8 at offset 3"),
        (b"a: 1", ".json", 'extension ".json", expected .yaml'),
        (b"", ".yaml", "found nothing at the top"),
        (b"- a", ".yaml", "found a list at the top"),
        (b"a: 1\nb: [1, 2\nc: 3", ".yaml", "line 3, column 2: found invalid YAML"),
        (b"a: &x 1\nb: *y", ".yaml", "line 2, column 4: found invalid YAML: found undefined alias 'y'"),
        (b"a: 1\n---\nb: 2", ".yaml", "line 2, column 1: found invalid YAML"),
        (b"a: !!python/object/apply:os.system [x]", ".yaml", "could not determine a constructor"),
        (b"a: \x00", ".yaml", "found invalid YAML"),
        (b"a: !!bool x", ".yaml", "not of its YAML tag"),
        (b"a: !!timestamp x", ".yaml", "not of its YAML tag"),
        (b"a: 2026-13-45", ".yaml", "not of its YAML tag"),
        (b"a: " + b"9" * 5_000, ".yaml", "not of its YAML tag"),
        (b"a = " + b"9" * 5_000, ".toml", "found invalid TOML"),
        (b"a = ", ".toml", "found invalid TOML: Invalid value (at end of document)"),
        (b"a = 1\na = 2", ".toml", "found invalid TOML: Cannot overwrite a value"),
        (b"a: 1\nb: 2\na: 3", ".yaml", "line 3, column 1: found invalid YAML: the key 'a' is said twice"),
        (b"a: {b: 1, b: 1}", ".yaml", "line 1, column 11: found invalid YAML: the key 'b' is said twice"),
        (b"models: {5.5: {}}", ".yaml", "the key '5.5' is no text, expected text; put it in quotes"),
        (b"on: 1", ".yaml", "the key 'on' is no text"),
        (b"[1]: 1", ".yaml", "no text"),
    ],
)
def test_what_is_no_config_is_refused_with_its_place(data: bytes, suffix: str, fault: str) -> None:
    with pytest.raises(ValueError, match="found") as caught:
        document.parse(data, suffix)

    assert fault in str(caught.value)


def test_aliases_and_merges_work() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}"

    assert parse(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        + "\n".join(f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * 10)}]" for n in range(9)),
        "a0: &a0 {k: 1}\n" + "\n".join(f"a{n + 1}: &a{n + 1} {{<<: [{','.join([f'*a{n}'] * 10)}]}}" for n in range(9)),
        "a: &a [*a]",
        "a: &a {b: {c: *a}}",
    ],
)
def test_bombs_are_refused_before_they_go_off(text: str) -> None:
    with pytest.raises(ValueError, match="stand for more than 100000 values"):
        parse(text)


@pytest.mark.parametrize(("text", "suffix"), [("a: " + "[" * 5_000, ".yaml"), ("a = " + "[" * 5_000, ".toml")])
def test_deep_nesting_is_refused(text: str, suffix: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(text, suffix)


@given(
    st.text(st.sampled_from("ab:- []{}!!&*|>'\"#?,%@`0x1.e\n\t~<="), max_size=20), st.sampled_from([".yaml", ".toml"])
)
def test_any_text_is_data_or_one_fault(text: str, suffix: str) -> None:
    try:
        assert isinstance(parse(text, suffix), dict)
    except ValueError as fault:
        assert "found" in str(fault)  # noqa: PT017 - either end is right


def test_a_long_list_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_NODES", 100)

    assert parse("a: [" + "1," * 90 + "]")
    with pytest.raises(ValueError, match="more than 100 values"):
        parse("a: [" + "1," * 100 + "]")


def test_a_path_is_found_on_its_line() -> None:
    text = "a:\n  - b: 1\n    c:\n      d: 2\n  - &x {e: 3}\nf: *x\n"
    line = document.lines(text)

    places: list[tuple[tuple[str | int, ...], int]] = [
        (("a",), 1),
        (("a", 0), 2),
        (("a", 0, "c", "d"), 4),
        (("f", "e"), 5),
        (("f",), 6),
        (("a", 0, "missing", "deeper"), 2),
        (("a", 7), 1),
        (("a", "b"), 1),
        (("nowhere",), 1),
        ((), 1),
    ]
    assert [line(path) for path, _ in places] == [expected for _, expected in places]
    assert document.lines("")(("a",)) == 1
