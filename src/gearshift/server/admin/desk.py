"""Own what the admin API works with: what lives as long as the process, and what the present config made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from gearshift.gateway import Gateway
from gearshift.purse import Purse
from gearshift.server.cache import AnswerCache
from gearshift.server.keyring import Keyring
from gearshift.storage.database import Database
from gearshift.storage.directory import Directory
from gearshift.storage.limits import LimitBook
from gearshift.storage.store import Store
from gearshift.types.catalog import Seconds


class Desk(Struct, kw_only=True):
    """Hold it all. `config` gives the effective config, without secrets; `reload` the faults of a new one, if any."""

    database: Database
    directory: Directory
    keyring: Keyring
    book: LimitBook
    purse: Purse
    cache: AnswerCache
    store: Store
    gateway: Callable[[], Gateway]
    config: Callable[[], Mapping[str, Any]]
    wall_clock: Callable[[], Seconds]
    reload: Callable[[], Awaitable[list[str]]] | None = None
