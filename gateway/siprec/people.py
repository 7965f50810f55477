"""Who takes part in a call that is recorded, as its metadata says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.siprec import metadata
from gateway.siprec.metadata import Participant, Recorded, Stream
from gateway.store.voice_rows import Siprec as Row
from gateway.trunks.policy import identity_of
from twiml.plans import StartSiprec

if TYPE_CHECKING:
    from gateway.calls.call import Call

TRACKS = {"inbound_track": ("inbound",), "outbound_track": ("outbound",), "both_tracks": ("inbound", "outbound")}
LABELS = {"inbound": "1", "outbound": "2"}


def recorded(call: Call, row: Row, plan: StartSiprec) -> Recorded:
    """What the server is told at first: the call's far end, and whom it called or was called by."""
    random, now = call.services.random, call.services.clock.wall()
    streams = tuple(Stream(metadata.fresh(random), LABELS[name], name == "inbound") for name in TRACKS[plan.track])
    facts = {"accountSid": row.account_sid, "callSid": row.call_sid, "siprecSid": row.sid}
    here = call.row.from_ if call.row.came_in else call.row.to
    found = Recorded(metadata.fresh(random), now, streams, [_participant(call, here)], facts, plan.parameters)
    joined(found, call, call.talks_with)
    return found


def joined(recorded: Recorded, call: Call, other: str | None) -> None:
    """The other party of the call: whom it talks with, without anybody the number or URI that the app is known by."""
    now = call.services.clock.wall()
    for one in recorded.participants[1:]:
        one.left = one.left or now
    app = call.row.to if call.row.came_in else call.row.from_
    recorded.participants.append(_participant(call, other or app))


def _participant(call: Call, address: str) -> Participant:
    services = call.services
    aor = identity_of(address, services.sip_host).rpartition("<")[2].rstrip(">")
    return Participant(metadata.fresh(services.random), aor, address, services.clock.wall())
