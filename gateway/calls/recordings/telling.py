"""What status callbacks tell of a recording: in order, numbered from 0 (webhooks.md: recording status callback)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gateway.calls import params
from gateway.calls.services import Services
from gateway.store.rows import Callback
from gateway.store.rows import Recording as Row

BEGUN, RESUMED = frozenset(("in-progress", "started")), frozenset(("resumed",))
"""The events of a recording that takes audio: from the first time on, or again."""

RECORD_END = "conference-record-end"  # Twilio's old way to tell of a conference's recording


def ended(row: Row) -> Collection[str]:
    """The events of its end; of one that was lost whoever wants `completed` hears too."""
    return ("failed", "completed") if row.status == "failed" else (row.status,)


def told(row: Row, events: Collection[str], url: str, services: Services) -> tuple[Row, list[Callback]]:
    """The row with the callback of a change that goes by these events, where anyone wants one of them."""
    wanted = row.status_callback_events.split()
    if not row.status_callback:
        return row, []
    order = {"Timestamp": params.rfc2822(services.clock.wall()), "SequenceNumber": str(row.told)}
    if wanted == [RECORD_END] and row.status == "completed":
        return row, [_callback(row, "POST", params.record_end(row, url) | order, services)]
    if not set(events) & set(wanted):
        return row, []
    callback = _callback(row, row.status_callback_method, params.recording(row, url) | order, services)
    return replace(row, told=row.told + 1), [callback]


def _callback(row: Row, method: str, fields: dict[str, str], services: Services) -> Callback:
    assert row.status_callback
    return Callback(row.account_sid, row.call_sid, row.status_callback, method, fields, services.sids.token())
