"""Own reloading: a running gateway is made anew when its config, an artefact or a server's list of models has changed.

    look at the files ── changed, and still so at the next look ──┐
    a server has other models than before ────────────────────────┤
    SIGHUP ───────────────────────────────────────────────────────┴─> read, validate, build ──> swap
                                                                        │ any fault
                                                                        └─> the old one goes on; metric, log line

Invariants: what is built is built whole, in a thread, before anything is swapped; files are marked before they are
read, so a change in between is seen at the next look; a fault is told once, until something changes or somebody asks.
Files are looked at, not watched by the kernel: that works on every file system, for next to nothing.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from gearshift.catalog.discovery import Discovery
from gearshift.cli.assemble import Assembly, Plan, prepare
from gearshift.cli.discover import discover
from gearshift.cli.notices import announce
from gearshift.cli.predictors import predictor_path
from gearshift.config import Config, load
from gearshift.errors import ConfigError, GearshiftError
from gearshift.learning import shelf
from gearshift.types.catalog import Seconds

LOOK: Final[Seconds] = 0.4
"""Between two looks. A change counts when two looks saw the same, so it serves within two of these and the loading."""
REFRESH: Final[Seconds] = 60
"""Between two times that servers are asked for their models."""
MAX_FAULTS: Final = 20
"""Faults of a config that a log line shows."""
FIXED: Final = ("server.host", "server.port", "server.shutdown_grace", "store", "ledger", "shared")
"""Keys that only a restart changes."""

Mark: TypeAlias = tuple[int, int, int, int] | None
"""What tells a file from another one at the same path: device, inode, time of change, size; None: no file."""
Marks: TypeAlias = dict[Path, Mark]

_log = logging.getLogger("gearshift.reload")


def marks(paths: Iterable[Path]) -> Marks:
    """Look at files."""
    return {path: _mark(path) for path in paths}


def served_files(config: Config) -> list[Path]:
    """Name the files that a config is served by: every artefact that its routers decide by, and the newer prices."""
    folders = {router.predictor for router in config.routers.values() if router.candidates is not None}
    return [config.catalog_path, *(path for folder in sorted(folders) for path in shelf.files(predictor_path(folder)))]


class Reloader:
    """Hold what a gateway was made of, and make it anew."""

    def __init__(
        self,
        assembly: Assembly,
        config: Config,
        environ: Mapping[str, str],
        *,
        seen: Marks,
        file: Path | None = None,
    ) -> None:
        """Take what serves, its config, and the marks of its files from before they were read.

        `file` is where the config came from; without one only artefacts are followed.
        """
        self._assembly = assembly
        self._started = config
        self._served = config
        self._config = config  # what is asked for, even where it was refused
        self._environ = environ
        self._seen = seen
        self._last = seen
        self._file = file
        assembly.reload = self.now
        self._asked = asyncio.Event()
        self._asking: asyncio.Task[Discovery] | None = None
        self._listed_at = time.monotonic()

    async def now(self) -> list[str]:
        """Reload at once, changed or not; give the faults of what was refused, none where it was taken."""
        return await self._reload(asked=True)

    def ask(self) -> None:
        """Reload soon, changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Look and reload until cancelled; no fault ends it."""
        while True:
            asked = await self._wait()
            try:
                await self.look(asked=asked)
            except Exception:  # noqa: BLE001 - our own bug: the gateway goes on as it is, and so does the next look
                self._assembly.site.telemetry.reload_refused()
                _log.exception("reload_failed")

    async def look(self, *, asked: bool = False) -> None:
        """Look once; reload when what was found is new and was so at the last look too, or when asked."""
        found = await asyncio.to_thread(self._look)
        steady, self._last = found == self._last, found
        if asked or (steady and found != self._seen):
            await self._reload(asked=asked)
        elif (listed := await self._listing()) is not None:
            await self._reload(asked=False, listed=listed)

    async def _listing(self) -> Discovery | None:
        """Ask the servers that list their models, aside and every `REFRESH` seconds; give what has changed since."""
        before = self._assembly.plan.found
        if self._asking is None:
            if time.monotonic() - self._listed_at >= REFRESH:
                self._asking = asyncio.create_task(discover(self._config, self._environ, before), name="discovery")
            return None
        if not self._asking.done():
            return None
        asking, self._asking, self._listed_at = self._asking, None, time.monotonic()
        listed = await asking
        return None if listed == before else listed

    def close(self) -> None:
        """Ask nobody any more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _wait(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._asked.wait()
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def _reload(self, *, asked: bool, listed: Discovery | None = None) -> list[str]:
        """Make everything anew; give the faults, if it was refused."""
        began = time.monotonic()
        try:
            plan = await self._plan(listed, asked=asked)
        except GearshiftError as error:
            self._assembly.site.telemetry.reload_refused()
            fields = {"error": error.code, "faults": _faults(error), "still_serving": self._served.version}
            _log.error("reload_refused", extra={"fields": fields})
            return _faults(error)
        announce(self._assembly)
        waiting = [key for key in FIXED if _value(plan.config, key) != _value(self._started, key)]
        self._assembly.adopt(plan)
        self._served = plan.config
        gc.collect()  # a predictor and its cache hold each other, and the collector seldom looks (`listen.settle`)
        self._assembly.site.telemetry.reloaded()
        done: dict[str, object] = {"config": plan.config.version, "predictors": _predictors(plan)}
        done |= {"needs_restart": waiting, "took_s": round(time.monotonic() - began, 3)}
        _log.info("reloaded", extra={"fields": done})
        return []

    def _look(self) -> Marks:
        own = [] if self._file is None else [self._file]
        return marks([*own, *served_files(self._config)])

    async def _plan(self, listed: Discovery | None, *, asked: bool) -> Plan:
        """Make everything of what there is now; `listed` is what the servers have, if they were just asked."""
        config = await asyncio.to_thread(self._read, asked=asked)
        if listed is None:
            self.close()  # whom the config before this one asked
            listed, self._listed_at = await discover(config, self._environ, self._assembly.plan.found), time.monotonic()
        source = str(self._file or "the config")
        return await asyncio.to_thread(prepare, config, self._environ, source=source, discovered=listed)

    def _read(self, *, asked: bool) -> Config:
        """Read what changed."""
        before, self._seen = self._seen, self._look()
        if self._file is not None and (asked or self._seen[self._file] != before.get(self._file)):
            self._config = load(self._file, self._environ)
            self._seen = {**self._look(), self._file: self._seen[self._file]}
        self._last = self._seen
        return self._config


@asynccontextmanager
async def reloading(reloader: Reloader) -> AsyncGenerator[None, None]:
    """Reload on change and on SIGHUP while the block runs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    task = asyncio.create_task(reloader.run(), name="reload")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        reloader.close()
        with suppress(asyncio.CancelledError):
            await task


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def _faults(error: GearshiftError) -> list[str]:
    return error.faults[:MAX_FAULTS] if isinstance(error, ConfigError) else [error.message]


def _value(config: Config, key: str) -> object:
    value: object = config
    for step in key.split("."):
        value = getattr(value, step)
    return value


def _predictors(plan: Plan) -> dict[str, str]:
    """Name the version that each router decides by."""
    routers = plan.world.routers.routers
    return {
        name: router.predictor.version
        for name, router in routers.items()
        if router.objective is not None and router.predictor is not None
    }
