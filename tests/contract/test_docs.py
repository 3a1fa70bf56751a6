"""Hold the docs to the code: every name that a user relies on is in its page, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gearshift import errors
from gearshift.cli.app import app
from gearshift.server.admin.api import build
from gearshift.server.admin.desk import Desk
from gearshift.simulate.docs import DocsIndex, load_pages
from gearshift.simulate.prompts import grade, load_prompts
from gearshift.telemetry import Telemetry

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")


def page(path: str) -> str:
    return (ROOT / "docs" / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(path: Path) -> None:
    targets = LINK.findall(path.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert missing == []


def test_every_error_code_is_in_its_page() -> None:
    text = page("reference/errors.md")
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GearshiftError)
    ]
    missing = sorted({kind.code for kind in kinds if f"`{kind.code}`" not in text})
    assert missing == []
    source = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "src/gearshift/errors").glob("*.py"))
    extra = set(re.findall(r'code = "(\w+)"|"(upstream_\w+)"', source))
    assert [code for pair in extra for code in pair if code and f"`{code}`" not in text] == []


def test_every_route_of_the_admin_api_is_in_its_page() -> None:
    text = page("reference/admin-api.md")
    nothing = cast(Desk, SimpleNamespace(directory=None, book=None, purse=None))
    for path, methods in build(nothing).openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text, path


def test_every_metric_is_in_its_page() -> None:
    types = [found.decode() for found in re.findall(rb"^# TYPE (\w+)", Telemetry().exposition(), re.MULTILINE)]
    names = [name for name in types if not name.endswith("_created")]
    text = page("reference/metrics.md")
    assert len(names) >= 10
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_command_is_in_its_page() -> None:
    text = page("reference/commands.md")
    names = [
        command.name or (command.callback.__name__ if command.callback else "") for command in app.registered_commands
    ]
    assert len(names) >= 11
    assert [name for name in names if f"`gearshift {name}`" not in text] == []


def test_every_header_is_in_its_page() -> None:
    sources = (ROOT / "src/gearshift/case.py", ROOT / "src/gearshift/server/steering.py")
    texts = [source.read_text("utf-8") for source in sources]
    names = {name for text in texts for name in re.findall(r"(?:x-gearshift|cf-aig)-[a-z-]+", text)}
    told = page("reference/http.md")
    assert len(names) >= 12
    assert sorted(name for name in names if f"`{name}" not in told) == []


def test_the_docs_answer_what_a_user_asks_of_them() -> None:
    index = DocsIndex(load_pages())
    questions = [prompt for prompt in load_prompts() if prompt.family == "docs"]
    right = [prompt.id for prompt in questions if grade(prompt, index.reply(prompt.prompt)) == 1.0]
    wrong = [prompt.prompt for prompt in questions if prompt.id not in right]
    assert len(right) >= 0.9 * len(questions), wrong
