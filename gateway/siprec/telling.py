"""What an app is told of a SIPREC session (webhooks: `siprec-started`, `siprec-stopped`, `siprec-error`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.store.rows import Callback
from gateway.store.voice_rows import Siprec as Row

if TYPE_CHECKING:
    from gateway.calls.services import Services

LOST = 12400  # Twilio's internal failure


def callbacks(
    row: Row, event: str, number: int, standard: dict[str, str], services: Services,
    error: tuple[int, str] | None = None,
) -> list[Callback]:  # fmt: skip
    """The status callback of an event, if anyone wants it."""
    if not row.status_callback:
        return []
    told = standard | {
        "SiprecSid": row.sid,
        "SiprecName": row.name or row.sid,
        "SiprecEvent": event,
        "Timestamp": services.clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SequenceNumber": str(number),
    }
    if error is not None:
        told |= {"SiprecError": error[1], "SiprecErrorCode": str(error[0])}
    url, method = row.status_callback, row.status_callback_method
    return [Callback(row.account_sid, row.call_sid, url, method, told, services.sids.token())]


async def cut_off(row: Row, standard: dict[str, str], services: Services) -> None:
    """Ends a session that lived in a process which is gone."""
    failed = LOST, "the gateway was stopped by a crash during this session"
    told = callbacks(row, "siprec-error", 1, standard, services, failed)
    changes = {"status": "stopped", "date_updated": services.clock.wall()}
    await services.store.siprecs.change(row.sid, changes, callbacks=told)
