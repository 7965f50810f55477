"""Ids of callbacks are never used again: the outbox reads on from the last one that it saw.

PostgreSQL's sequences are like that already; SQLite's table is made anew.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the table anew, with its rows."""
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table("callbacks", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass
