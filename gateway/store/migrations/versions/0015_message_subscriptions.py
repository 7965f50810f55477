"""Subscriptions to the user-defined messages of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_message_subscriptions"
down_revision = "0014_queues"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "message_subscriptions",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False, index=True),
        sa.Column("callback", sa.Text, nullable=False),
        sa.Column("method", sa.String(4), nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.UniqueConstraint("account_sid", "call_sid", "idempotency_key"),
    )
    op.create_index("message_subscriptions_page", "message_subscriptions", ["account_sid", "date_created", "sid"])
