"""Recordings of conferences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_conference_recordings"
down_revision = "0007_recording_hashes"


def upgrade() -> None:
    """Adds the column; recordings so far are of calls."""
    op.add_column("recordings", sa.Column("conference_sid", sa.String(34)))
    op.create_index("ix_recordings_conference_sid", "recordings", ["conference_sid"])
