"""Own reading a config so that every fault is told at once: its own, and those of all that it names.

Invariant: one report. A config that cannot be taken is still looked through for the secrets and artefacts that it
names, so that nobody mends one round of faults to be told of the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gearshift.cli.predictors import try_predictors
from gearshift.config import Config, document, load, mentions, unreadable
from gearshift.errors import ConfigError


def read(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the config at `path`; raise ConfigError with every fault of it and of what it mentions.

    What a config without faults of its own names is looked at by `assemble.prepare`.
    """
    try:
        return load(path, environ)
    except ConfigError as error:
        raise ConfigError([*error.faults, *_mentioned(path, environ)], source=str(path)) from None


def _mentioned(path: Path, environ: Mapping[str, str]) -> list[str]:
    """Give the faults of what a config mentions that cannot be taken."""
    try:
        stated = document.read(path)
    except ConfigError:
        return []
    return [*unreadable(mentions.secrets(stated), environ), *try_predictors(mentions.predictors(stated))[1]]
