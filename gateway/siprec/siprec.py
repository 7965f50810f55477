"""A call's audio on its way to a recording server: its row, the servers tried, the end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway import log
from gateway.calls.media import NoPort, Port
from gateway.calls.race import either
from gateway.siprec.model import Connector
from gateway.siprec.people import LABELS, TRACKS, joined, recorded
from gateway.siprec.session import Offering, RecordingSession, Track
from gateway.siprec.telling import LOST, callbacks
from gateway.store.voice_rows import Siprec as Row
from gateway.trunks.model import Target
from gateway.trunks.policy import identity_of, ordered
from sip.commands import Credentials
from sip.events import Cause
from sip.uri import Uri
from twiml.plans import StartSiprec

if TYPE_CHECKING:
    from gateway.calls.call import Call

LOG = logging.getLogger(__name__)

TIMEOUT, UNREACHABLE, REFUSED = 31901, 31904, 31920  # Twilio: connection timed out, no way to the host, handshake
Failure = tuple[int, str]


class Siprec:
    """One session of a call, from its row to its end."""

    def __init__(self, call: Call, plan: StartSiprec, connector: Connector) -> None:
        services, now = call.services, call.services.clock.wall()
        self.row = Row(
            sid=services.sids.new("SR"), account_sid=call.row.account_sid, date_created=now, date_updated=now,
            call_sid=call.sid, name=plan.name or None, connector_name=connector.name, track=plan.track,
            status_callback=plan.status_callback, status_callback_method=plan.status_callback_method,
        )  # fmt: skip
        self._call, self._connector = call, connector
        self._services = services
        self._recorded = recorded(call, self.row, plan)
        self._stops: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ports: list[Port] = []
        self._session: RecordingSession | None = None
        self._told = 0
        self._failure: Failure | None = None

    @property
    def streams(self) -> int:
        """How many of the call's streams it takes."""
        return len(TRACKS[self.row.track])

    async def begin(self) -> None:
        """Writes the row; all else follows."""
        self._call.siprecs[self.row.sid] = self
        await self._services.store.siprecs.insert(self.row)
        self._services.spawn(self._live())

    async def stop(self) -> None:
        """No more audio from now on."""
        if not self._stops.done():
            self._stops.set_result(None)
        await self._ends()

    def talks_with(self, other: str | None) -> None:
        """The call's far end talks with somebody else, or with the app again."""
        joined(self._recorded, self._call, other)
        if self._session is not None:
            self._session.tell(self._recorded.document())

    async def _live(self) -> None:
        with log.call(self._call.sid):
            try:
                await self._run()
            finally:
                self._call.siprecs.pop(self.row.sid, None)
                self._leave()
                while self._ports:
                    self._ports.pop().release()
                await self._ends()

    async def _run(self) -> None:
        leg = self._call.leg
        assert leg is not None
        over = either(self._stops, leg.gone)
        try:
            tracks = await self._tracks()
        except NoPort as error:
            self._failure = LOST, f"no media port: {error}"
            return
        session = await self._reach(tracks, over)
        if session is not None:
            await self._tell({}, "siprec-started")
            LOG.info("- SIPREC %s: recorded by %s", self.row.sid, self._connector.name)
            await asyncio.wait((session.gone, over), return_when=asyncio.FIRST_COMPLETED)

    async def _tracks(self) -> list[Track]:
        """A port for each, on the worker that has the call's; NoPort where it has none."""
        leg = self._call.leg
        assert leg is not None
        for _ in range(self.streams):
            if leg.port is None or not leg.port.worker.alive:
                raise NoPort("the call has none any more")
            port = await self._services.workers.allocate(leg.worker)
            port.lost = self._lost
            self._ports.append(port)
        names = TRACKS[self.row.track]
        return [Track(port, leg.row, name, LABELS[name]) for port, name in zip(self._ports, names, strict=True)]

    async def _reach(self, tracks: list[Track], over: asyncio.Future[None]) -> RecordingSession | None:
        """The servers in their order, until one records; None where none does, or where it is wanted no more."""
        failure: Failure | None = None
        down = self._services.carriers.down
        for target in ordered(self._connector.targets, down, self._services.random):
            session = await self._try(target, tracks, over)
            if over.done():
                return None
            if session.answered.done():
                return session
            failure = _why(session, target.uri)
            LOG.warning("! %s", failure[1])
            self._leave()
        self._failure = failure
        return None

    async def _try(self, target: Target, tracks: list[Track], over: asyncio.Future[None]) -> RecordingSession:
        """One server: returns when it answered, or did not, or is wanted no more."""
        services, connector = self._services, self._connector
        ip = services.addresses.media(Uri.parse(target.uri).host)
        offering = Offering(ip, connector.codecs or services.media.codecs, services.random.getrandbits(31))
        session = RecordingSession(services.random.randbytes(8).hex(), services.sip, tracks, offering)
        services.recording_sessions[session.session] = self._session = session
        login = Credentials(connector.username, connector.password) if connector.username else None
        from_ = identity_of("siprec", services.sip_host)
        session.invite(target.uri, from_, self._recorded.document(), login, connector.silence_seconds)
        done = session.answered, session.gone, over
        await asyncio.wait(done, timeout=connector.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
        return session

    def _leave(self) -> None:
        """The server is wanted no more."""
        if self._session is not None:
            self._session.hangup()
            self._services.recording_sessions.pop(self._session.session, None)
            self._session = None

    def _lost(self, reason: str) -> None:
        self._failure = LOST, f"the media worker died: {reason}"
        if not self._stops.done():
            self._stops.set_result(None)

    async def _ends(self) -> None:
        """Once: `siprec-error` where it failed, else `siprec-stopped`."""
        if self.row.status == "stopped":
            return
        if self._failure is not None:
            code, text = self._failure
            self._call.warn(code, f"SIPREC to {self.row.connector_name}: {text}", error=True)
        event = "siprec-stopped" if self._failure is None else "siprec-error"
        LOG.info("x SIPREC %s", self.row.sid)
        await self._tell({"status": "stopped", "date_updated": self._services.clock.wall()}, event)

    async def _tell(self, changes: dict[str, Any], event: str) -> None:
        """The row with what is told of it, in one transaction."""
        self.row = replace(self.row, **changes)
        told = callbacks(self.row, event, self._told, self._call.params(), self._services, self._failure)
        self._told += 1
        await self._services.store.siprecs.change(self.row.sid, changes, callbacks=told)
        self._services.outbox.kick()


def _why(session: RecordingSession, uri: str) -> tuple[int, str]:
    """Why a server does not record: (Twilio's code, a sentence)."""
    gone = session.gone.result() if session.gone.done() else None
    if session.failure:
        return REFUSED, f"{uri}: {session.failure}"
    if gone is None or gone.cause in (Cause.TIMEOUT, Cause.CANCELED, Cause.HANGUP):
        return TIMEOUT, f"{uri} does not answer"
    if gone.cause is Cause.TRANSPORT:
        return UNREACHABLE, f"{uri} cannot be reached"
    return REFUSED, f"{uri} refused the session: {gone.status} {gone.reason}".rstrip()
