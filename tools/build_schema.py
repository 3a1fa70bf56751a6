"""Write the statements that make a new store, from `gearshift.storage.schema`: `python -m tools.build_schema`.

`--check` fails where the files are not what the schema says.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from gearshift.storage.schema import metadata

FOLDER: Final = Path(__file__).parent.parent / "src" / "gearshift" / "storage" / "ddl"
DIALECTS: Final[dict[str, Dialect]] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]


def statements(name: str) -> str:
    """Give the statements in one dialect, in an order that never changes."""
    found: list[str] = ["-- Written by `python -m tools.build_schema` from storage/schema.py: do not edit."]
    for table in metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        elements: list[ExecutableDDLElement] = [CreateTable(table), *map(CreateIndex, indexes)]
        for element in elements:
            text = str(element.compile(dialect=DIALECTS[name])).replace("\t", "  ")
            found.append("\n".join(line.rstrip() for line in text.strip().splitlines()) + ";")
    return "\n".join(found) + "\n"


def main() -> int:
    """Write or check the files."""
    stale = []
    for name in DIALECTS:
        path, made = FOLDER / f"{name}.sql", statements(name)
        if "--check" not in sys.argv:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            stale.append(path.name)
    if stale:
        sys.stderr.write(f"found {', '.join(stale)} other than the schema; run python -m tools.build_schema\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
