"""Own the one schema of the store, for SQLite and PostgreSQL: what the migrations lead to.

Imported by migrations, tools and tests only: SQLAlchemy would cost an idle gateway 15 MiB. A new database is made from
`ddl/`, which `tools/build_schema.py` writes from here; an old one is brought here by `migrations/`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.schema import SchemaItem

from gearshift.storage.columns import columns

metadata: Final = MetaData()


def _table(name: str, required: str, optional: str = "", *rest: SchemaItem) -> Table:
    return Table(name, metadata, *columns(required, optional), *rest)


exchanges: Final = _table(
    "exchanges",
    "id",
    "created protocol path requested_model model deployment provider router reason propensity key session stream "
    "outcome status error response_id finish_reason input_tokens output_tokens cache_read_tokens reasoning_tokens "
    "usage_estimated quality cost baseline_cost duration first_token overhead decision attempts prompt answer "
    "team user_id cache tags prompt_z answer_z",
    UniqueConstraint("id"),
)
Index("exchanges_created", exchanges.c.created)
Index("exchanges_response", exchanges.c.response_id)
Index("exchanges_session", exchanges.c.session)
Index("exchanges_spending", exchanges.c.router, exchanges.c.created, exchanges.c.cost, exchanges.c.baseline_cost)

feedback: Final = _table("feedback", "created score", "exchange_id session_id label comment")
Index("feedback_exchange", feedback.c.exchange_id)

ledger: Final = _table(
    "ledger",
    "id exchange_id created deployment model provider purpose state billing",
    "ended key team user_id router tags status error estimated input_tokens output_tokens cache_read_tokens "
    "cache_write_tokens reasoning_tokens cost bound",
    PrimaryKeyConstraint("id"),
)
Index("ledger_created", ledger.c.created)
Index("ledger_key", ledger.c.key, ledger.c.created)
Index("ledger_exchange", ledger.c.exchange_id)

api_keys: Final = _table(
    "api_keys",
    "id name hash prefix role created revision",
    "team user_id scopes defaults expires revoked",
    PrimaryKeyConstraint("id"),
    UniqueConstraint("hash"),
)
teams: Final = _table("teams", "id name created revision", "deleted", PrimaryKeyConstraint("id"))
users: Final = _table("users", "id name role created revision", "email team deleted", PrimaryKeyConstraint("id"))
budgets: Final = _table(
    "budgets",
    "id scope_kind scope_value unit amount mode on_loss created revision",
    "period calendar deleted",
    PrimaryKeyConstraint("id"),
)
audit: Final = _table("audit", "id at actor action target", "detail", PrimaryKeyConstraint("id"))
Index("audit_at", audit.c.at)
settings: Final = _table("settings", "name value revision", "", PrimaryKeyConstraint("name"))
revision: Final = _table("revision", "n")
schema_version: Final = _table("schema_version", "version oldest")
