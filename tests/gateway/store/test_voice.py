"""The voice resources that customers make, in the store."""

from __future__ import annotations

from dataclasses import fields

import pytest
import sqlalchemy as sa

from gateway.store import sip_rows, voice_rows, voice_tables


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (voice_tables.applications, voice_rows.Application),
        (voice_tables.outgoing_caller_ids, voice_rows.OutgoingCallerId),
        (voice_tables.queues, voice_rows.Queue),
        (voice_tables.message_subscriptions, voice_rows.MessageSubscription),
    ],
)
def test_rows_have_the_columns_of_their_table(table: sa.Table, row: type[sip_rows.Owned]) -> None:
    assert {one.name for one in fields(row)} == set(table.c.keys())
