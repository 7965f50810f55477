"""Queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_queues"
down_revision = "0013_caller_ids"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "queues",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("friendly_name", sa.String(64), nullable=False),
        sa.Column("max_size", sa.Integer, nullable=False),
        sa.UniqueConstraint("account_sid", "friendly_name"),
    )
    op.create_index("queues_page", "queues", ["account_sid", "date_created", "sid"])
