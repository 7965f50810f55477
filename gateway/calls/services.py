"""What every call works with, put together once in gateway/app.py."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from gateway.billing.guard import Guard as Spending
from gateway.calls.addresses import Addresses
from gateway.calls.conferences.living import Conferences
from gateway.calls.dial.parties import Parties
from gateway.calls.leg import Leg, SipAgent
from gateway.calls.media import Workers
from gateway.calls.negotiation import MediaSettings
from gateway.calls.queues.living import Queues
from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.payments.connectors import Payments
from gateway.phones.admission import DomainAdmission
from gateway.phones.phones import Phones
from gateway.sids import Sids
from gateway.siprec.book import SiprecBook
from gateway.siprec.session import RecordingSession
from gateway.speech.audio import Audio
from gateway.store import Store
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from gateway.trunks.stir import Signer, Verifier
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.ledger import Ledger
from gateway.webhooks.outbox import Outbox
from sip.uri import Uri
from twiml.ssml import Part

if TYPE_CHECKING:
    from gateway.calls.call import Call
    from gateway.calls.sources import Source
    from gateway.calls.standby import Standby


class Speaker(Protocol):
    """Text to speech (gateway/speech)."""

    async def speak(
        self, text: str, voice: str, language: str, parts: Sequence[Part] = ()
    ) -> tuple[Audio, list[tuple[int, str]]]:
        """The audio, and what had to be replaced: (code, sentence)."""


class Fetcher(Protocol):
    """Audio by URL (gateway/speech/fetch.py)."""

    async def fetch(self, account_sid: str, url: str) -> Audio: ...


class Spawn(Protocol):
    """Starts a task that the gateway's task group owns."""

    def __call__(self, work: Coroutine[Any, Any, object]) -> None: ...


class Drive(Protocol):
    """Runs something on an answered call at once; one that had nothing of its own lives by itself from here on."""

    def __call__(self, call: Call, source: Source, standby: Standby | None = None) -> None: ...


@dataclass(slots=True)
class Services:
    """The rooms as a call sees them."""

    clock: Clock
    store: Store
    webhooks: Webhooks
    ledger: Ledger
    outbox: Outbox
    speaker: Speaker
    audio: Fetcher
    workers: Workers
    sip: SipAgent
    trunks: TrunkBook
    carriers: Carriers
    admission: Admission
    spending: Spending
    phones: Phones
    payments: Payments
    domains: DomainAdmission
    guard: Guard
    sids: Sids
    random: Random
    metrics: Metrics
    media: MediaSettings
    recordings_dir: Path
    public_url: str
    addresses: Addresses
    inside_token: str  # admits our own calls to our own numbers
    spawn: Spawn
    drive: Drive
    recorders: SiprecBook  # servers that calls may be sent to
    fallback_twiml: str = ""  # of numbers that have none of their own
    verifier: Verifier | None = None  # who signs for calls that come in
    signer: Signer | None = None  # signs for calls that go out
    conferences: Conferences = field(default_factory=Conferences)  # that live
    parties: Parties = field(default_factory=Parties)  # of Dials
    queues: Queues = field(default_factory=Queues)  # that live
    recording_sessions: dict[str, RecordingSession] = field(default_factory=dict)  # by SIP session: they are no legs
    legs: dict[str, Leg] = field(default_factory=dict)  # by SIP session

    @property
    def sip_host(self) -> str:
        """HOST:PORT of our From."""
        return self.addresses.sip_host

    def leg(self, session: str, peer: str, **incoming: Any) -> Leg:
        """A new leg with the host `peer`; `incoming` has the facts of an INVITE that came in.

        It is known until its session ends.
        """
        media = replace(self.media, ip=self.addresses.media(peer))
        leg = Leg(session, self.sip, self.workers, media, self.random, **incoming)
        self.legs[session] = leg
        return leg

    def end_leg(self, leg: Leg, reason: str) -> None:
        """Ends a leg that never reached SIP."""
        self.legs.pop(leg.session, None)
        leg.never_was(reason)

    async def guard_sip(self, uri: str) -> None:
        """FetchError when a customer's SIP URI leads where it may not (the webhooks' address guard)."""
        await self.guard.check_host(Uri.parse(uri).goes_to)

    def recording_url(self, account_sid: str, sid: str) -> str:
        """The public URL of a recording's media."""
        return f"{self.public_url}/2010-04-01/Accounts/{account_sid}/Recordings/{sid}"
