"""Own the words for what another protocol cannot say as it was said."""

from __future__ import annotations

from gearshift.types.record import Loss


def dropped(field: str, why: str) -> Loss:
    """Say that `field` is not said."""
    return Loss(field=field, kind="dropped", detail=why)


def mapped(field: str, how: str) -> Loss:
    """Say that `field` is said in another way."""
    return Loss(field=field, kind="mapped", detail=how)
