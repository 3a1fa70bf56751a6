"""The mirror check passes on this repository's layout and fails on each way of breaking it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_mirror import faults, main


def _tree(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_a_mirrored_tree_has_no_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _tree(
        tmp_path,
        "src/gearshift/__init__.py",
        "src/gearshift/__main__.py",
        "src/gearshift/a/__init__.py",
        "src/gearshift/a/b.py",
        "tests/unit/a/test_b.py",
        "tests/unit/a/conftest.py",
    )
    assert main(root) == 0
    assert "mirrors" in capsys.readouterr().out


def test_a_module_without_its_test_is_named_with_the_file_to_add(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _tree(tmp_path, "src/gearshift/a/b.py")
    assert main(root) == 1
    assert capsys.readouterr().out == "src/gearshift/a/b.py: has no test file; add tests/unit/a/test_b.py\n"


def test_a_test_without_its_module_is_named(tmp_path: Path) -> None:
    (fault,) = faults(_tree(tmp_path, "src/gearshift/__init__.py", "tests/unit/test_gone.py"))
    assert fault.startswith("tests/unit/test_gone.py: tests no module; expected src/gearshift/gone.py")


def test_the_same_name_in_another_folder_does_not_count(tmp_path: Path) -> None:
    assert len(faults(_tree(tmp_path, "src/gearshift/a/b.py", "tests/unit/test_b.py"))) == 2
