"""The tables of the first version."""

from __future__ import annotations

from alembic import op

from gateway.store.tables import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes all tables."""
    METADATA.create_all(op.get_bind())
