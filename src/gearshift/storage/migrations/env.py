"""Run migrations on the database whose URL the caller gives; the first one is that of files older than Alembic."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from gearshift.storage.schema import metadata

config = context.config
engine = create_engine(config.attributes["url"])
with engine.begin() as connection:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7211990)"))  # one process upgrades, the others wait
    else:
        connection.execute(text("SELECT 1"))
    context.configure(connection=connection, target_metadata=metadata)
    made = context.get_context()
    if made.get_current_revision() is None:
        made.stamp(made.script, f"{config.attributes['from']:04}")  # type: ignore[arg-type]
    context.run_migrations()
engine.dispose()
