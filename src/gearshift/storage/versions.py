"""Own the versions of the schema: which ours is, which others we can work on, and the way from one to the next.

Migrations only add, so what an older gateway wrote is read, and one that still runs beside us works on: `oldest` in the
database says which version that is. A new database is made at once from `ddl/`; Alembic is loaded for old ones only.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from gearshift.storage.database import Dialect

VERSION: Final = 2
OLDEST: Final = 2
"""Version 1 wrote rows without naming their columns."""


def statements(dialect: Dialect) -> list[str]:
    """Give the statements that make a new database."""
    made = files("gearshift.storage").joinpath("ddl", f"{dialect}.sql").read_text(encoding="utf-8")
    own = f"INSERT INTO schema_version (version, oldest) VALUES ({VERSION}, {OLDEST})"  # noqa: S608 - our numbers
    return [*filter(str.strip, made.split(";")), own, "INSERT INTO revision (n) VALUES (0)"]


def verdict(place: str, found: tuple[int, int] | None) -> str:
    """Say why we cannot work on a database of this version and oldest version, "" when we can."""
    if found is None or found[1] <= VERSION:
        return ""
    version, oldest = found
    return (
        f"store: {place} has schema version {version}, which versions from {oldest} on can use, expected at most "
        f"{VERSION}; use the gearshift that wrote it, or another store"
    )


def upgrade(url: str, version: int) -> None:
    """Bring a database of an older version to ours; `url` is SQLAlchemy's."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gearshift.storage:migrations")
    config.attributes["url"] = url
    config.attributes["from"] = version
    command.upgrade(config, f"{VERSION:04}")
