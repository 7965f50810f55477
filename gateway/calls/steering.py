"""What the REST API changes of calls that live: their document, their callbacks, their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.api.engine import ChangeCall
from gateway.calls.call import Call
from gateway.calls.sources import Fetch, Inline
from gateway.calls.standby import Standby
from gateway.errors import ApiError


class Run(Protocol):
    """What a call runs (gateway/calls/script.py), or the talk that it is in (gateway/calls/dial/parties.py)."""

    @property
    def running(self) -> bool: ...

    @property
    def standby(self) -> Standby: ...

    def replace(self, source: Fetch | Inline) -> None: ...


class Steering:
    """`gateway.api.engine.LiveCalls` on living calls and what each runs, by SID."""

    def __init__(self, calls: Mapping[str, Call], run_of: Callable[[str], Run | None]) -> None:
        self._calls = calls
        self._run_of = run_of

    async def change(self, sid: str, wanted: ChangeCall) -> None:
        """Changes what is given; a new document runs at once."""
        call, source = self._living(sid), _source(wanted)
        script = self._script_of(call) if source is not None or wanted.fallback_url is not None else None
        if wanted.time_limit is not None:
            call.limit(wanted.time_limit)
        if wanted.status_callback is not None:
            await call.tell_of_its_status(wanted.status_callback or None, wanted.status_callback_method)
        if script is not None and wanted.fallback_url is not None:
            script.standby.fallback = (
                Fetch(wanted.fallback_url, wanted.fallback_method) if wanted.fallback_url else None
            )
        if script is not None and source is not None:
            script.replace(source)

    async def send(self, sid: str, content: str, message_sid: str, key: str) -> str:
        """A user-defined message; its SID, which is that of an earlier one with the same key, that was sent already."""
        call = self._living(sid)
        if call.row.status != "in-progress" or call.leg is None:
            raise ApiError(400, 21220, "Call is not in-progress. Nobody hears a message.")
        if key in call.messages.sent:
            return call.messages.sent[key]
        call.leg.send_message(content.encode())
        if key:
            call.messages.sent[key] = message_sid
        return message_sid

    async def complete(self, sid: str) -> None:
        """Hangs up a call, also one that is queued or rings."""
        self._stop(self._living(sid), "completed")

    async def cancel(self, sid: str) -> None:
        """Cancels a call that is queued or rings."""
        call = self._living(sid)
        if call.answered_at is not None:
            raise ApiError(400, 21220, "Call is in-progress. Cannot cancel.")
        self._stop(call, "canceled")

    def _living(self, sid: str) -> Call:
        call = self._calls.get(sid)
        if call is None:
            raise ApiError(400, 21220, "Call is not in-progress.")
        return call

    def _script_of(self, call: Call) -> Run:
        script = self._run_of(call.sid)
        if script is None or not script.running or call.leaves or call.row.status != "in-progress":
            raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
        return script

    @staticmethod
    def _stop(call: Call, status: str) -> None:
        if call.answered_at is None:
            call.wanted_status = "canceled" if status == "canceled" or call.leg is None else status
        if call.leg is not None:
            call.leg.hangup("ended by the REST API")


def _source(wanted: ChangeCall) -> Fetch | Inline | None:
    if wanted.url:
        return Fetch(wanted.url, wanted.method)
    return Inline(wanted.twiml) if wanted.twiml else None
