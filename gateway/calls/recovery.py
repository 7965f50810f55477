"""What a crash left behind is ended at the next start, before the gateway says that it is well.

Each confirmed dialog gets its BYE, each unfinished call becomes `failed` with its callback queued in the same
transaction, each cut-off recording its true length.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from gateway.calls import params
from gateway.calls.call import status_callback, wants
from gateway.calls.conferences.telling import cut_off
from gateway.calls.recordings.recording import repair
from gateway.calls.services import Services
from gateway.siprec.telling import cut_off as siprec_cut_off
from gateway.store.rows import Call
from sip.commands import EndDialog
from sip.dialog import DialogState

LOG = logging.getLogger(__name__)

LOST = 12400  # Twilio's internal failure


async def recover(services: Services) -> None:
    """Ends what an earlier process left."""
    for dialog in await services.store.calls.dialogs():
        services.sip.apply(EndDialog(DialogState.from_json(dialog.state)))
        LOG.warning("! call %s was cut off by a crash: BYE sent", dialog.call_sid)
    for row in await services.store.calls.unfinished():
        await _fail(services, row)
    for conference in await services.store.conferences.unfinished():
        await cut_off(conference, services)
    for recording in await services.store.recordings.unfinished():
        await repair(recording, services)
    for session in await services.store.siprecs.unfinished():
        call = await services.store.calls.fetch(session.account_sid, session.call_sid)
        await siprec_cut_off(session, params.standard(call) if call is not None else {}, services)
    services.outbox.kick()


async def _fail(services: Services, row: Call) -> None:
    now = services.clock.wall()
    seconds = round((now - row.start_time).total_seconds()) if row.start_time else 0
    changes: dict[str, Any] = {
        "status": "failed",
        "end_time": now,
        "date_updated": now,
        "duration": max(0, seconds),
        "error_code": LOST,
        "error_message": "the gateway was stopped by a crash during this call",
    }
    row = replace(row, **changes)
    told = []
    if wants(row, "completed"):
        told = [status_callback(row, "completed", params.standard(row), services)]
    columns = changes | {"sequence": row.sequence + 1, "dialog": None}
    await services.store.calls.update(row.sid, columns, callbacks=told)
