"""Add the ledger, keys, teams, users, budgets, the audit, and who pays for an exchange."""

from __future__ import annotations

from alembic import op
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

from gearshift.storage.columns import columns

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is missing; nothing that is there changes."""
    for column in columns("", "team user_id cache tags prompt_z answer_z"):
        op.add_column("exchanges", column)
    op.create_index("feedback_exchange", "feedback", ["exchange_id"])
    op.create_table(
        "ledger",
        *columns(
            "id exchange_id created deployment model provider purpose state billing",
            "ended key team user_id router tags status error estimated input_tokens output_tokens cache_read_tokens "
            "cache_write_tokens reasoning_tokens cost bound",
        ),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("ledger_created", "ledger", ["created"])
    op.create_index("ledger_key", "ledger", ["key", "created"])
    op.create_index("ledger_exchange", "ledger", ["exchange_id"])
    op.create_table(
        "api_keys",
        *columns("id name hash prefix role created revision", "team user_id scopes defaults expires revoked"),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("hash"),
    )
    _keyed("teams", "id name created revision", "deleted")
    _keyed("users", "id name role created revision", "email team deleted")
    _keyed("budgets", "id scope_kind scope_value unit amount mode on_loss created revision", "period calendar deleted")
    _keyed("audit", "id at actor action target", "detail")
    op.create_index("audit_at", "audit", ["at"])
    op.create_table("settings", *columns("name value revision"), PrimaryKeyConstraint("name"))
    op.create_table("revision", *columns("n"))
    op.create_table("schema_version", *columns("version oldest"))
    op.execute("INSERT INTO schema_version (version, oldest) VALUES (2, 2)")
    op.execute("INSERT INTO revision (n) VALUES (0)")


def _keyed(name: str, required: str, optional: str) -> None:
    op.create_table(name, *columns(required, optional), PrimaryKeyConstraint("id"))
