"""A call: its row, its status, its log and its callbacks. What is told to the app is committed with what it tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.calls import messages, params
from gateway.calls.leg import Gone, Leg
from gateway.calls.placing.dialstring import NoRoute
from gateway.calls.placing.meter import Meter
from gateway.calls.services import Services
from gateway.store.rows import Call as Row
from gateway.store.rows import Callback, Notification
from gateway.webhooks.cookies import CookieJar
from sip.events import Cause, Referred

if TYPE_CHECKING:
    from gateway.calls.payments.assisted import Session
    from gateway.calls.recordings.recording import Recording
    from gateway.siprec.siprec import Siprec

LOG = logging.getLogger(__name__)

LONGEST = 4 * 3600.0  # seconds that a call may last (twiml-voice.md: execution model)

FORWARDS = 70  # RFC 3261 §8.1.1.6
MEDIA_TROUBLE = 53405  # Twilio: "Media connection failed"
UNPLAYABLE = 13420  # Twilio: Play: invalid content type


class Call:
    """A call in memory; every change goes through `change`, which writes it with its callbacks."""

    def __init__(self, services: Services, row: Row, leg: Leg | None = None) -> None:
        self.services = services
        self.row = row
        self.leg = leg
        self.answered_at: float | None = None  # monotonic
        self.jar = CookieJar()  # of its app
        self.extra: dict[str, str] = {}  # SIP facts, sent with each request
        self.recordings: dict[str, Recording] = {}  # that take audio, by SID
        self.siprecs: dict[str, Siprec] = {}  # that run, by SID
        self.talks_with: str | None = None  # somebody else than the app: a number, a URI
        self.started: dict[str, Recording] = {}  # by documents, by name
        self.last_recording: dict[str, str] = {}
        self.stir_status: str | None = None  # the level that we signed it with
        self.forwards = FORWARDS  # SIP hops that it may go on (Max-Forwards)
        self.error: tuple[int, str] | None = None
        self.meter: Meter | None = None  # of a call that goes out through a trunk
        self.when_over: Callable[[], None] | None = None
        self._document: asyncio.Future[bool] | None = None
        self.wanted_status: str | None = None  # what the API asked for: completed or canceled
        self.messages = messages.Messages()
        self._time_limit = LONGEST  # seconds from the answer on
        self._hangs_up: asyncio.TimerHandle | None = None
        self.told_of_payments = 0  # status callbacks
        self.payment: Session | None = None  # with an agent's help, the latest
        self.base: str | None = None  # the URL of the document that runs; None: it has none
        self.leaves = False  # it has sent its other party on: nothing but its end follows

    @property
    def sid(self) -> str:
        return self.row.sid

    async def born(self) -> None:
        """Writes the new row; says `initiated` for calls that we place."""
        callbacks = []
        if not self.row.came_in and wants(self.row, "initiated"):
            callbacks = [status_callback(self.row, "initiated", self.params(), self.services)]
            self.row = replace(self.row, sequence=1)
        await self.services.store.calls.insert(self.row, callbacks=callbacks)
        if callbacks:
            self.services.outbox.kick()
        LOG.info("- %s call from %s to %s", self.row.direction, self.row.from_, self.row.to)

    async def rings(self) -> None:
        """The far end rings."""
        if self.row.status != "ringing":
            await self._change({"status": "ringing"}, "ringing")

    async def is_answered(self) -> None:
        """The call is up: time runs from here."""
        if self.leg is not None:
            self.leg.owner = self
            self.leg.referrals.unwanted = self._not_transferred
        now = self.services.clock.wall()
        self.answered_at = self.services.clock.now()
        self.limit(self._time_limit)
        changes: dict[str, Any] = {"status": "in-progress", "start_time": now}
        if self.meter is not None:
            self.meter.answered()
            changes["price"] = self.meter.price
        await self._change(changes, "answered", dialog=self._dialog())
        LOG.info("- answered")

    def talks(self, other: str | None) -> None:
        """With whom its far end talks from now on; None: with the app."""
        if other == self.talks_with:
            return
        self.talks_with = other
        for siprec in self.siprecs.values():
            siprec.talks_with(other)

    def limit(self, seconds: float) -> None:
        """How long it may last from its answer on; what was said of it before does not count any more."""
        self._time_limit = seconds
        if self._hangs_up is not None:
            self._hangs_up.cancel()
        if self.answered_at is not None and self.leg is not None:
            rest = max(0.0, self.answered_at + seconds - self.services.clock.now())
            self._hangs_up = asyncio.get_running_loop().call_later(rest, self.leg.hangup, "time limit")

    async def tell_of_its_status(self, url: str | None, method: str) -> None:
        """Another status callback, None for no more."""
        changes: dict[str, Any] = {"status_callback": url, "status_callback_method": method}
        self.row = replace(self.row, **changes)
        await self.services.store.calls.update(self.sid, changes)

    async def ends(self, status: str, sip_status: int = 0) -> None:
        """The final status, with duration and the `completed` callback."""
        if self.row.status in params.FINAL:
            return
        seconds = 0 if self.answered_at is None else round(self.services.clock.now() - self.answered_at)
        self.payment = None
        if self._hangs_up is not None:
            self._hangs_up.cancel()
        if self.meter is not None:
            self.meter.over(answered=self.answered_at is not None)
        code, text = self.error or (None, None)
        changes = {
            "status": status,
            "end_time": self.services.clock.wall(),
            "duration": seconds,
            "sip_response_code": sip_status or None,
            "error_code": code,
            "error_message": text,
            "price": self.meter.price if self.meter is not None else None,
        }
        await self._change(changes, "completed", dialog=None)
        self.services.metrics.ended.labels(status).inc()
        LOG.info("x %s after %d s", status, seconds)

    async def costs(self, price: int | None) -> None:
        """What the call has cost so far, so that a crash forgets no money."""
        self.row = replace(self.row, price=price)
        await self.services.store.calls.update(self.sid, {"price": price})

    def final_status(self, gone: Gone) -> str:
        """The status that an ended leg gives its call (twiml-voice.md: SIP final response mapping)."""
        if gone.failed:
            return "failed"
        if self.wanted_status is not None:
            return self.wanted_status
        if self.answered_at is not None:
            return "completed"
        if gone.cause is Cause.CANCELED:
            return "canceled" if self.row.came_in else "no-answer"
        if gone.cause is Cause.TIMEOUT:
            return "failed" if self.row.came_in else "no-answer"
        if gone.status in (486, 600):
            return "busy"
        return "no-answer" if gone.status in (408, 480, 487) else "failed"

    def warn(self, code: int, message: str, *, error: bool = False, **request: str) -> None:
        """A line in the call's log and among its notifications."""
        LOG.log(logging.ERROR if error else logging.WARNING, "! %d: %s", code, message)
        note = Notification(
            sid=self.services.sids.new("NO"),
            account_sid=self.row.account_sid,
            call_sid=self.sid,
            log=0 if error else 1,
            error_code=code,
            message_text=message,
            message_date=self.services.clock.wall(),
            **request,
        )
        self.services.spawn(self.services.store.notifications.insert(note))

    def fail(self, code: int, message: str, **request: str) -> None:
        """An error that goes into the call's record; the first one stays."""
        self.error = self.error or (code, message)
        self.warn(code, message, error=True, **request)

    async def unplaced(self, error: NoRoute) -> None:
        """There is nowhere to send it: its end."""
        if error.status == "failed":
            self.fail(error.code, str(error))
        else:
            self.warn(error.code, str(error), error=True)
        await self.ends(self.wanted_status or error.status, error.sip_status)

    def params(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The standard parameters of a request about this call."""
        return params.standard(self.row, self.extra | (extra or {}))

    def next_document(self) -> asyncio.Future[bool]:
        """Whether the next document that is asked for can be had; False where the call ends without it."""
        self._document = asyncio.get_running_loop().create_future()
        return self._document

    def document_came(self, good: bool) -> None:
        """A document was fetched and understood, or not."""
        if self._document is not None and not self._document.done():
            self._document.set_result(good)

    async def over(self) -> None:
        """Waits for the leg's end and writes the final status."""
        if self.leg is None:
            await self.ends(self.wanted_status or "failed")
            return
        gone = await self.leg.gone
        self.leg.release_port()
        self.document_came(False)
        LOG.debug("- the leg ended: %s%s", gone.cause, f", {gone.status} {gone.reason}" if gone.reason else "")
        if gone.failed and self.error is None:
            self.fail(12400, gone.reason)
        await self.ends(self.final_status(gone), gone.status)

    async def _change(self, changes: dict[str, Any], event: str, **dialog: str | None) -> None:
        changes["date_updated"] = self.services.clock.wall()
        self.row = replace(self.row, **changes)
        callbacks = []
        if wants(self.row, event):
            signed = {"StirStatus": self.stir_status} if self.stir_status else {}
            fields = self.params(self.last_recording | signed)
            callbacks = [status_callback(self.row, event, fields, self.services)]
            changes["sequence"] = self.row.sequence + 1
            self.row = replace(self.row, sequence=self.row.sequence + 1)
        calls = self.services.store.calls
        write = calls.finish if self.row.status in params.FINAL else calls.update
        await write(self.sid, changes | dialog, callbacks=callbacks)
        if callbacks:
            self.services.outbox.kick()

    # what its leg says (`line.Owner`)

    def replaced(self) -> None:
        """The leg's dialog is another one: it is what a restart would have to end."""
        changes = {"date_updated": self.services.clock.wall(), "dialog": self._dialog()}
        self.services.spawn(self.services.store.calls.update(self.sid, changes))

    def media_trouble(self, text: str) -> None:
        """Audio goes one way only, or strangers send some."""
        self.warn(MEDIA_TROUBLE, text)

    def message_came(self, body: bytes) -> None:
        """The far end sent JSON."""
        self.services.spawn(messages.came(self, body))

    def unplayable(self, error: str) -> None:
        """A sound could not be had."""
        self.warn(UNPLAYABLE, f"what was to be played could not be: {error}", error=True)

    def _not_transferred(self, referred: Referred, why: str) -> None:
        self.warn(13802, f"REFER to {referred.refer_to} was refused: {why}", error=True)

    def _dialog(self) -> str | None:
        if self.leg is None or self.leg.dialog is None:
            return None
        return self.leg.dialog.to_json()


def wants(row: Row, event: str) -> bool:
    """Whether the call's app wants to be told `event`: initiated, ringing, answered or completed."""
    return bool(row.status_callback) and event in row.status_callback_events.split()


def status_callback(row: Row, event: str, fields: dict[str, str], services: Services) -> Callback:
    """The callback that tells `event`."""
    assert row.status_callback
    if event == "completed":
        fields = fields | params.ended(row)
    fields = fields | {
        "Timestamp": params.rfc2822(services.clock.wall()),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(row.sequence),
    }
    if event == "initiated":
        fields["CallStatus"] = "initiated"
    method = row.status_callback_method
    return Callback(row.account_sid, row.sid, row.status_callback, method, fields, services.sids.token())
