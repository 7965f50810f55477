"""One session with a recording server: an INVITE with two bodies, streams that are only sent (RFC 7866 §6, §7)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.calls.leg import SipAgent
from gateway.calls.media import Port
from gateway.siprec.metadata import DISPOSITION, TYPE
from media import one_way
from media.commands import Connect, Tap
from media.errors import NegotiationError
from media.negotiate import StreamPlan
from media.one_way import Outgoing
from sip import commands, events
from sip.commands import Credentials, Part

LOG = logging.getLogger(__name__)

SNAPSHOT = "application/rs-metadata-request"  # RFC 7866 §9.2: the server wants all of the metadata
SRC = "+sip.src"  # RFC 7866 §6.1.1: who records
CROSSED = 491  # an offer of theirs was under way
PAUSE = 2.0  # seconds after which ours is tried again
UNUSABLE = "its answer has no streams that we can use"


@dataclass(frozen=True, slots=True)
class Track:
    """A stream of the session. `source`: the row that is recorded; `track`: inbound or outbound."""

    port: Port
    source: int
    track: str
    label: str


@dataclass(frozen=True, slots=True)
class Offering:
    """What we offer: the SDP's own address, codecs and session number."""

    ip: str
    codecs: tuple[str, ...]
    number: int


class RecordingSession:
    """From the INVITE to its end: `answered` when audio flows, `gone` with why it ended."""

    def __init__(self, session: str, sip: SipAgent, tracks: Sequence[Track], offering: Offering) -> None:
        loop = asyncio.get_running_loop()
        self.session = session
        self.answered: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[events.Ended] = loop.create_future()
        self.failure = ""  # of ours
        self._sip = sip
        self._tracks = tracks
        self._streams = [Outgoing(one.port.udp_port, one.label) for one in tracks]
        self._offering = offering
        self._version = 0
        self._metadata = b""
        self._stale = False  # it is not told yet
        self._telling = False  # a re-INVITE of ours is under way
        self._plans: list[StreamPlan | None] = [None] * len(tracks)

    def invite(self, uri: str, from_: str, metadata: bytes, credentials: Credentials | None, patience: float) -> None:
        """Calls the server."""
        self._metadata = metadata
        self._sip.apply(
            commands.Invite(
                self.session, uri, from_, f"<{uri}>", self._offer(), (("Require", "siprec"),), credentials,
                patience=patience, parts=_parts(metadata), features=SRC, takes=(SNAPSHOT,),
            )
        )  # fmt: skip

    def tell(self, metadata: bytes) -> None:
        """Who takes part has changed, or all of it is asked for: it is always told whole."""
        self._metadata, self._stale = metadata, True
        self._update()

    def _update(self) -> None:
        if self._stale and self.answered.done() and not self.gone.done() and not self._telling:
            self._telling, self._stale = True, False
            self._sip.apply(commands.Reoffer(self.session, self._offer(), _parts(self._metadata)))

    def hangup(self, reason: str = "") -> None:
        """Ends it, whatever its state."""
        if not self.gone.done():
            self._sip.apply(commands.Hangup(self.session, reason=reason))

    def hear_sip(self, event: events.Event) -> None:
        """What the server says."""
        match event:
            case events.Answered(sdp=sdp):
                self._hear_answer(sdp)
            case events.Renegotiated(sdp=sdp, status=status):
                self._hear_renegotiated(sdp, status)
            case events.Offered(sdp=sdp):
                self._hear_offer(sdp)
            case events.UpdateReceived(body=why):
                LOG.info("< the recording server asks for the metadata: %s", why.decode("utf-8", "replace").strip())
                self.tell(self._metadata)
            case events.Ended() if not self.gone.done():
                self.gone.set_result(event)

    def _offer(self) -> bytes:
        self._version += 1
        what = self._offering
        return one_way.offer(what.ip, self._streams, what.codecs, session_id=what.number, version=self._version)

    def _hear_answer(self, sdp: bytes | None) -> None:
        if sdp is None or not self._accept(sdp):
            self.failure = UNUSABLE
            self.hangup(UNUSABLE)
        elif not self.answered.done():
            self.answered.set_result(None)
            self._update()

    def _hear_renegotiated(self, sdp: bytes | None, status: int) -> None:
        """Of what we told, or their answer to an offer of ours that they asked for."""
        self._telling = False
        if status == CROSSED:
            self._stale = True
            asyncio.get_running_loop().call_later(PAUSE, self._update)
            return
        if sdp is None or not self._accept(sdp):
            LOG.warning("! the recording server did not take what changed (%d)", status)
        self._update()

    def _accept(self, sdp: bytes) -> bool:
        try:
            self._connect(one_way.accept(len(self._streams), self._offering.codecs, sdp))
        except NegotiationError as error:
            LOG.warning("! answer of the recording server not usable: %s", error)
            return False
        return True

    def _hear_offer(self, sdp: bytes | None) -> None:
        """A hold, or its end; to an offerless one our offer is the answer."""
        what = self._offering
        try:
            if sdp is None:
                body = self._offer()
            else:
                self._version += 1
                body, plans = one_way.answer(
                    sdp, what.ip, self._streams, what.codecs, session_id=what.number, version=self._version
                )
                self._connect(plans)
        except NegotiationError as error:
            LOG.warning("! re-INVITE of the recording server refused: %s", error)
            self._sip.apply(commands.RefuseOffer(self.session, 488))
        else:
            self._sip.apply(commands.AnswerOffer(self.session, body))

    def _connect(self, plans: Sequence[StreamPlan | None]) -> None:
        """What was agreed holds; a stream that is refused from now on is sent no more."""
        for place, (track, plan) in enumerate(zip(self._tracks, plans, strict=True)):
            before, port = self._plans[place], track.port
            if plan is None and before is not None:
                plan = replace(before, send=False)
            if plan is not None:
                self._plans[place] = plan
                port.send(Connect(port.number, plan))
                port.send(Tap(port.number, track.source, track.track))


def _parts(metadata: bytes) -> tuple[Part, ...]:
    return (Part(TYPE, metadata, DISPOSITION),)
