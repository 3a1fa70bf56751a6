"""What files of version 1 hold: exchanges and feedback. They were made without Alembic, so there is nothing to do."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Leave it as it is."""
