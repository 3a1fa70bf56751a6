"""Own what the tests of the import share: the fixtures, and short ways to translate a few entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gearshift.config.document import parse
from gearshift.migration.litellm import Translation, translate

FOLDER: Final = Path(__file__).with_name("configs")
CONFIGS: Final = tuple(sorted(FOLDER.glob("*.yaml")))


def read(name: str) -> Translation:
    """Translate a fixture."""
    return translate(parse((FOLDER / f"{name}.yaml").read_bytes(), ".yaml"), source=name)


def entry(model: str = "openai/gpt-5.5", name: str = "it", /, **params: object) -> dict[str, Any]:
    """Make an entry of `model_list`; `info` is its `model_info`."""
    info = params.pop("info", None)
    stated: dict[str, Any] = {"model_name": name, "litellm_params": {"model": model, **params}}
    return stated if info is None else {**stated, "model_info": info}


def imported(*entries: object, **sections: object) -> Translation:
    """Translate entries, with other sections beside them."""
    return translate({"model_list": list(entries), **sections}, source="test")


def left(found: Translation) -> dict[str, str]:
    """Give what was not carried: what stood there, by its place."""
    return {each.where: each.found for each in found.not_carried}
