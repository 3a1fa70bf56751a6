"""Own what is known of models: context window, longest answer, capabilities and their end, from `models.json`.

The snapshot is made from models.dev and LiteLLM's table by `tools/build_catalog.py`; source, date and MIT notice stand
in it. It is read when a catalogue is built, and not kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.catalog.spelling import parse
from gearshift.types.catalog import Lifecycle

FILE: Final = Path(__file__).with_name("models.json")


class Facts(Struct, frozen=True, array_like=True):
    """Hold the facts about a model at a provider; None: not known. `words` are capabilities parted by blanks."""

    context_window: int | None = None
    max_output_tokens: int | None = None
    words: str | None = None

    @property
    def capabilities(self) -> frozenset[str] | None:
        """Give the capabilities, None when they are not known."""
        return None if self.words is None else frozenset(self.words.split())


class Snapshot(Struct, frozen=True, kw_only=True):
    """Hold the facts of every built-in provider's models, by the provider's name and its own name of the model."""

    source: str
    date: str
    licence: str
    providers: dict[str, dict[str, Facts]]
    ends: dict[str, dict[str, str]]
    """The day on which a provider stops to serve a model; "": it is deprecated, no day is known."""

    def find(self, provider: str, model: str) -> Facts:
        """Give the facts about a model, all None when the snapshot does not have it."""
        return self.providers.get(provider, {}).get(model, Facts())

    def lifecycle(self, provider: str, model: str) -> Lifecycle | None:
        """Give what is known of a model's end; None: nothing."""
        day = self.ends.get(provider, {}).get(model)
        if day is None:
            return None
        return Lifecycle(retires=day, source="LiteLLM") if day else Lifecycle(source="models.dev")

    def only_snapshot(self, provider: str, model: str) -> str | None:
        """Name the one snapshot that is known of an undated model; None where there is another, or none."""
        asked = parse(model)
        names = {*self.providers.get(provider, ()), *self.ends.get(provider, ())}
        spellings = {name: parse(name) for name in names if name.startswith(model)}
        known = [name for name, each in spellings.items() if each.stem == asked.stem and each.snapshot is not None]
        return known[0] if len(known) == 1 and asked.snapshot is None else None


def read() -> Snapshot:
    """Read the snapshot that ships with Gearshift."""
    return msgspec.json.decode(FILE.read_bytes(), type=Snapshot)
