"""Check that `tests/unit` mirrors `src/gearshift` one to one.

Invariant checked: `src/gearshift/a/b.py` exists if and only if `tests/unit/a/test_b.py` does.
`__init__.py` and `__main__.py` are exempt, and so are migrations, which are tested as the way that they are.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

SOURCE: Final = Path("src/gearshift")
TESTS: Final = Path("tests/unit")
EXEMPT: Final = frozenset({"__init__.py", "__main__.py"})


def faults(root: Path) -> list[str]:
    """Return one line for each source module without its test file and each test file without its module."""
    found = {path.relative_to(root / SOURCE) for path in (root / SOURCE).rglob("*.py") if path.name not in EXEMPT}
    modules = {path for path in found if "migrations" not in path.parts}
    tests = {path.relative_to(root / TESTS) for path in (root / TESTS).rglob("test_*.py")}
    mirrored = {path.with_name(path.name.removeprefix("test_")) for path in tests}
    untested = [
        f"{SOURCE / path}: has no test file; add {TESTS / path.with_name(f'test_{path.name}')}"
        for path in modules - mirrored
    ]
    orphaned = [
        f"{TESTS / path.with_name(f'test_{path.name}')}: tests no module; expected {SOURCE / path}, so rename or delete"
        for path in mirrored - modules
    ]
    return sorted(untested) + sorted(orphaned)


def main(root: Path) -> int:
    """Print the faults of the repository at `root` and return the exit code: 0 none, 1 some."""
    found = faults(root)
    print("\n".join(found) if found else "check_mirror: tests/unit mirrors src/gearshift")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
