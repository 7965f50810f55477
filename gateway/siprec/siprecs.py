"""SIPREC sessions as documents and the REST API begin and end them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.errors import ApiError
from gateway.siprec.siprec import Siprec
from gateway.store.voice_rows import Siprec as Row
from twiml.plans import StartSiprec

if TYPE_CHECKING:
    from gateway.calls.call import Call
    from gateway.store.rows import Call as CallRow

INVALID = 14300  # Twilio: Start: invalid child
UNKNOWN = 31940  # Twilio: no connector of this name
QUOTA = 31960  # Twilio: too many streams
MOST = 4  # streams of a call


class NotStarted(Exception):
    """Why a session does not begin; `code` is Twilio's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def begin(call: Call, plan: StartSiprec) -> Siprec:
    """Begins one on a call that is up; NotStarted."""
    connector = call.services.recorders.connectors.get(plan.connector)
    if connector is None:
        raise NotStarted(UNKNOWN, f"no connector {plan.connector!r} is known: add it to /operator/v1/siprec_connectors")
    if plan.name and _find(call, plan.name) is not None:
        raise NotStarted(INVALID, f"<Siprec> {plan.name!r} is running already: no second one is started")
    siprec = Siprec(call, plan, connector)
    if sum(one.streams for one in (*call.siprecs.values(), siprec)) > MOST:
        raise NotStarted(QUOTA, f"a call has {MOST} streams at most")
    await siprec.begin()
    return siprec


async def start(call: Call, plan: StartSiprec) -> None:
    """What a document wants; where it cannot be, the call goes on with an error in its log."""
    try:
        await begin(call, plan)
    except NotStarted as error:
        call.warn(error.code, str(error), error=True)


async def stop(call: Call, name: str) -> None:
    """Ends the one of this name; a warning where there is none."""
    running = _find(call, name)
    if running is None:
        call.warn(INVALID, f"<Stop>: no SIPREC session {name!r} is running")
    else:
        await running.stop()


def _find(call: Call, name: str) -> Siprec | None:
    """By its SID or name."""
    return next((one for one in call.siprecs.values() if name in (one.row.sid, one.row.name)), None)


class LiveSiprecs:
    """Of all calls that live (gateway/api/engine.py: Siprecs)."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls

    async def start(self, row: CallRow, plan: StartSiprec) -> Row:
        """Begins one."""
        call = self._calls.get(row.sid)
        up = call is not None and call.answered_at is not None and call.leg is not None and call.leg.port is not None
        if call is None or not up or call.row.status != "in-progress":
            raise ApiError(400, 21220, f"Call {row.sid} is not in-progress: it cannot be sent to a recording server.")
        try:
            return (await begin(call, plan)).row
        except NotStarted as error:
            raise ApiError(400, error.code, str(error)) from error

    async def stop(self, row: CallRow, name: str) -> Row | None:
        """Ends one; None where none of this SID or name runs."""
        call = self._calls.get(row.sid)
        running = _find(call, name) if call is not None else None
        if running is None:
            return None
        await running.stop()
        return running.row
