"""Own which database a store's URL means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gearshift.errors import ConfigError, DataError
from gearshift.storage import sqlite
from gearshift.storage.database import Database
from gearshift.storage.log import Log

_SQLITE: Final = "sqlite:///"


def open_database(url: str) -> Database:
    """Open the database, made or brought up to date; raise ConfigError when it cannot be used."""
    if url.startswith(_SQLITE):
        return sqlite.SQLite(_path(url))
    try:
        from gearshift.storage.postgres import Postgres
    except ImportError:
        raise ConfigError([_MISSING], source="store") from None
    return Postgres(url)


def open_log(url: str) -> Log:
    """Open a log that a gateway has written; raise DataError where there is none."""
    if url.startswith(_SQLITE) and not _path(url).is_file():
        found = f"found no log at {_path(url)}, expected that of a gateway that has served"
        raise DataError(f"{found}; check store in the config")
    return Log(open_database(url))


def unusable(url: str) -> str:
    """Say, without making or changing anything, why a store could not be kept there; "" when it could."""
    if url.startswith(_SQLITE):
        return sqlite.unusable(_path(url))
    try:
        from gearshift.storage.postgres import unusable as unusable_server
    except ImportError:
        return _MISSING
    return unusable_server(url)


def _path(url: str) -> Path:
    """Give the file of SQLite; relative paths are relative to the working directory."""
    return Path(url.removeprefix(_SQLITE))


_MISSING: Final = 'store: PostgreSQL needs the extra "postgres"; pip install "gearshift[postgres]"'
