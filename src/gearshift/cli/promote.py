"""Own `gearshift promote` and `gearshift rollback`: which artefact a router decides by, switched while it serves.

Both change files only (`learning.shelf`); a running `gearshift serve` sees that and reloads (`cli.reload`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gearshift.cli.inspect import find_config
from gearshift.cli.printing import AsJson, as_text
from gearshift.config import Config
from gearshift.config.names import matches
from gearshift.config.routers import BUILTIN
from gearshift.errors import ArtifactError

if TYPE_CHECKING:
    from gearshift.learning.predictor import LearnedPredictor
    from gearshift.learning.shelf import Pointer

_SHOWN: Final = 8
_Router = Annotated[str, typer.Option(help="The router whose predictor is switched.")]
_Shelf = Annotated[
    Path | None, typer.Option(help="Folder that holds the versions; default: the router's `predictor`, by the config.")
]
_File = Annotated[Path | None, typer.Option(help="Config file; default: as serve.")]


def promote(
    artifact: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the artefact, or `builtin`.")],
    router: _Router = "auto",
    shelf: _Shelf = None,
    config: _File = None,
    as_json: AsJson = False,
) -> None:
    """Verify an artefact and let it serve; a running gateway takes it within a second, failing no request."""
    from gearshift.learning import shelf as shelves
    from gearshift.learning.artifact import locate

    source = locate(artifact)
    found = None
    if shelf is None:
        found = find_config(config)
        shelf = shelf_of(found, router)
    refuse_packaged(shelf)
    pointer = shelves.promote(source, shelf, at=datetime.now(UTC))
    unseen = [] if found is None else _unseen(found, router, shelves.load(shelf))
    _tell("promoted", shelf, pointer, unseen=unseen, as_json=as_json)


def rollback(router: _Router = "auto", shelf: _Shelf = None, config: _File = None, as_json: AsJson = False) -> None:
    """Let the version before serve again; a running gateway takes it within a second, failing no request."""
    from gearshift.learning import shelf as shelves

    folder = shelf or shelf_of(find_config(config), router)
    refuse_packaged(folder)
    pointer = shelves.rollback(folder, at=datetime.now(UTC))
    _tell("rolled back to", folder, pointer, unseen=[], as_json=as_json)


def shelf_of(config: Config, name: str) -> Path:
    """Give the folder that a router decides by; raise ArtifactError when it has none that can be switched."""
    router = config.routers.get(name)
    if router is None:
        raise ArtifactError(f"--router: found {name!r}, expected one of {', '.join(config.routers)}")
    if router.candidates is None:
        raise ArtifactError(f"routers.{name}: found a router that decides by no artefact, expected one with candidates")
    if router.predictor == BUILTIN:
        raise ArtifactError(
            f"routers.{name}.predictor: found builtin, which ships with Gearshift and is not switched; expected a "
            "folder of your own: set `predictor: FOLDER` and promote again (to begin with what served until now: "
            "`gearshift promote builtin`)"
        )
    return Path(router.predictor)


def refuse_packaged(folder: Path) -> None:
    """Raise ArtifactError for a folder whose switch the next update would undo."""
    from gearshift.learning.artifact import ships

    if ships(folder):
        raise ArtifactError(
            f"{folder}: found an artefact that ships with Gearshift; expected a folder of your own as the router's "
            "`predictor`, by a config (`gearshift init` writes one) or by --shelf"
        )


def _unseen(config: Config, name: str, predictor: LearnedPredictor) -> list[str]:
    """Name the router's models of which the artefact has learned nothing."""
    patterns = config.routers[name].candidates or ()
    reached = [
        model
        for model, stated in config.models.items()
        if any(matches(glob, f"{at.provider}/{model}", model) for glob in patterns for at in stated.deployments)
    ]
    return [model for model in reached if not predictor.knows(model)]


def _tell(done: str, folder: Path, pointer: Pointer, *, unseen: list[str], as_json: bool) -> None:
    before = pointer.before[-1] if pointer.before else None
    if as_json:
        shown: dict[str, Any] = {"shelf": str(folder), "version": pointer.current, "before": before, "unseen": unseen}
        typer.echo(as_text(shown))
        return
    typer.echo(f"{done} {pointer.current}; {folder} serves it")
    typer.echo(f"before it: {before}, where `gearshift rollback` leads" if before else "before it: none")
    if unseen:
        more = "" if len(unseen) <= _SHOWN else f" and {len(unseen) - _SHOWN} more"
        typer.echo(
            f"never seen by this artefact, so forecast from their prices: {', '.join(unseen[:_SHOWN])}{more}", err=True
        )
