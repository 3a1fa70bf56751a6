"""Own what every part of a config is: a frozen value that is closed to unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Be a part of a config. Treat its mappings as frozen too."""

    model_config = ConfigDict(frozen=True, extra="forbid")
