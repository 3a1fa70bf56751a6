"""The size check passes at each limit and fails one past it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_sizes import faults, main


def _tree(root: Path, text: str, path: str = "a.py") -> Path:
    file = root / "src/gearshift" / path
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return root


def _function(body_lines: int) -> str:
    return "def f():\n" + "    x = 1\n" * body_lines


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 300,
        _function(39),
        'def f():\n    """Do.\n\n    More.\n    """\n' + "    x = 1\n" * 39,
        "def f(a, b, c, *, d, e): ...\n",
        "class A:\n    def f(self, a, b, c, d, e): ...\n",
        "class A:\n    def __init__(self, a, *, b, c, d, e, f, g): ...\n",
        "x.eval(y)\n",
        "import picklejar\n",
    ],
)
def test_a_tree_within_the_limits_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(_tree(tmp_path, text)) == 0
    assert "within its limit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\n" * 301, "1: 301 lines in a file, at most 300"),
        (_function(40), "1: 41 lines in f, at most 40"),
        ("async " + _function(40), "1: 41 lines in f, at most 40"),
        ("\ndef f(a, b, c, *, d, e, f): ...\n", "2: 6 parameters of f, at most 5"),
        ("class A:\n    def __init__(self, a, b, c, d, e, f): ...\n", "2: 6 parameters of __init__, at most 5"),
        ("import pickle\n", "1: imports pickle"),
        ("from pickle import loads\n", "1: imports pickle"),
        ("x = eval('1')\n", "1: calls eval"),
        ("exec('1')\n", "1: calls exec"),
    ],
)
def test_a_broken_limit_is_named_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, fault: str
) -> None:
    assert main(_tree(tmp_path, text)) == 1
    assert capsys.readouterr().out.startswith(f"src/gearshift/a.py:{fault}")


def test_the_options_of_a_command_are_free(tmp_path: Path) -> None:
    assert faults(_tree(tmp_path, "def serve(a, b, c, d, e, f): ...\n", "cli/serve.py")) == []
