"""Own the report of an artefact: as a noun, as JSON, and as what a manifest keeps of it.

Invariant: what a manifest keeps reads back, whichever version wrote it; figures that it lacks are None.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from gearshift.learning.findings import Method, PromiseReport, SetReport
from gearshift.learning.tables import lines, promises

_LONG: Final = {"points": (), "bins": (), "singles": (), "tasks": (), "rivals": (), "left_out": ()}
"""What a manifest does not keep: it would outgrow everything else there."""


class Report(Struct, frozen=True, kw_only=True):
    """Hold the report of an artefact; `unknown_models` are in the data, but the artefact has not learned them.

    `promises` are of the calibrations in the artefact, as far as the data has their models.
    """

    version: str
    unknown_models: tuple[str, ...]
    sets: tuple[SetReport, ...]
    method: Method | None = None
    promises: tuple[PromiseReport, ...] = ()

    def to_json(self) -> str:
        """Write everything as JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    def summary(self) -> dict[str, Any]:
        """Give what a manifest keeps: the figures of each data set, without curves and tables."""
        summary: dict[str, Any] = {each.dataset: msgspec.to_builtins(each) for each in self.sets}
        for each in summary.values():
            for name in (*_LONG, "dataset"):
                del each[name]
        return summary

    @classmethod
    def of(cls, version: str, summary: dict[str, Any]) -> Report:
        """Read the summary of a manifest back."""
        sets = (msgspec.convert({**found, "dataset": name, **_LONG}, SetReport) for name, found in summary.items())
        return cls(version=version, unknown_models=(), sets=tuple(sets))

    def to_text(self) -> str:
        """Write tables for a terminal."""
        text = [f"artefact {self.version}"]
        if self.unknown_models:
            text.append(f"not learned, left out: {', '.join(self.unknown_models)}")
        for each in self.sets:
            text += ["", *lines(each)]
        if self.promises:
            text += ["", *promises(self.promises)]
        return "\n".join(text)
