"""The requests to apps of the last day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_requests"
down_revision = "0010_applications"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("token", sa.String(40), nullable=False, index=True),
        sa.Column("subject", sa.String(34), nullable=False, index=True),
        sa.Column("date", sa.DateTime, nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
