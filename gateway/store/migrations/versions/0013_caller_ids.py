"""Verified caller IDs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_caller_ids"
down_revision = "0012_request_answers"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "outgoing_caller_ids",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("phone_number", sa.String(20), nullable=False),
        sa.Column("friendly_name", sa.String(64)),
        sa.UniqueConstraint("account_sid", "phone_number"),
    )
    op.create_index("outgoing_caller_ids_page", "outgoing_caller_ids", ["account_sid", "date_created", "sid"])
