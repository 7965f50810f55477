"""Registrations of phones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, DateTime, Float, Integer, String, Text

revision = "0004_registrations"
down_revision = "0003_prices"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "registrations",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("account_sid", String(34), nullable=False),
        Column("address", Text, nullable=False, index=True),
        Column("contact", Text, nullable=False),
        Column("expires", DateTime, nullable=False, index=True),
        Column("call_id", Text, nullable=False),
        Column("cseq", Integer, nullable=False),
        Column("q", Float, nullable=False),
        Column("path", Text, nullable=False),
        Column("flow", Text, nullable=False),
        Column("instance", Text, nullable=False),
        Column("reg_id", sa.BigInteger, nullable=False),
        Column("user_agent", Text, nullable=False),
    )
