"""Own the ways from older schemas to ours, one after the other (Alembic)."""
