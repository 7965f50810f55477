"""Our word for calls that we place: the Identity header that their trunk wants (SHAKEN)."""

from __future__ import annotations

import logging

from gateway.calls.call import Call
from gateway.calls.placing.dialstring import Hop
from gateway.numbers.e164 import is_e164
from gateway.trunks.stir import attested

LOG = logging.getLogger(__name__)


async def signed(call: Call, hop: Hop) -> tuple[tuple[str, str], ...]:
    """The header of this attempt, none where the trunk wants none. Remembers the level (`StirStatus`)."""
    call.stir_status = None
    services, trunk = call.services, hop.trunk
    if trunk is None or trunk.attestation is None:
        return ()
    caller, called = trunk.caller_id or call.row.from_, call.row.to
    if services.signer is None:
        LOG.warning("! trunk %s wants signed calls, but [stir] has no certificate", trunk.name)
        return ()
    if not is_e164(caller) or not is_e164(called):
        LOG.warning("! not signed: %s or %s is no number in E.164", caller, called)
        return ()
    number = await services.store.numbers.find(caller)
    own = number is not None and number.sid is not None and number.account_sid == call.row.account_sid
    call.stir_status = attested(trunk, own=own)
    assert call.stir_status is not None, "the trunk has a level"
    value = services.signer.sign(call.row.account_sid, call.stir_status, caller, called, services.clock)
    LOG.info("- signed with attestation %s", call.stir_status)
    return (("Identity", value),)
