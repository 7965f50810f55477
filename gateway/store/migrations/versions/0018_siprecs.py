"""SIPREC sessions of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_siprecs"
down_revision = "0017_messages"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "siprecs",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("connector_name", sa.String(100), nullable=False),
        sa.Column("track", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_callback", sa.Text),
        sa.Column("status_callback_method", sa.String(4), nullable=False),
    )
    op.create_index("siprecs_page", "siprecs", ["account_sid", "date_created", "sid"])
    op.create_index("ix_siprecs_call_sid", "siprecs", ["call_sid"])
