"""The SHA-256 of recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_recording_hashes"
down_revision = "0006_conferences"


def upgrade() -> None:
    """Adds the column; recordings so far have none."""
    op.add_column("recordings", sa.Column("sha256", sa.String(64)))
