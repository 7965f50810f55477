"""The confirmed dialog of a call, in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_call_dialogs"
down_revision = "0008_conference_recordings"

MOVE = """
UPDATE calls SET dialog = (SELECT max(state) FROM dialogs WHERE call_sid = calls.sid)
WHERE sid IN (SELECT call_sid FROM dialogs)
"""


def upgrade() -> None:
    """Moves the dialogs that a crash left: the start that migrates is the one that ends them."""
    op.add_column("calls", sa.Column("dialog", sa.Text))
    op.execute(MOVE)
    op.drop_table("dialogs")
