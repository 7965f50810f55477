"""What a leg says of its media in SDP, and what it makes of what the other side says (RFC 3264)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from gateway.calls.addresses import differ, wild
from media import negotiate
from media.errors import NegotiationError
from media.negotiate import StreamPlan


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What a leg says of itself in SDP."""

    ip: str
    codecs: tuple[str, ...]
    dtmf: str = "rfc4733"  # or inband, info: how digits are sent
    early: bool = True  # whether media before the answer is heard


class Negotiation:
    """The offers and answers of one leg: one SDP session, whose versions are counted."""

    def __init__(self, media: MediaSettings, random: Random, signalling_ip: str, symmetric: bool) -> None:
        self.media = media
        self.symmetric = symmetric  # media may follow its real source
        self.signalling_ip = signalling_ip  # of the peer, empty while nobody answered
        self._session = random.getrandbits(31)
        self._version = 0
        self._ours = b""

    def settle(self, media: MediaSettings) -> None:
        """What the trunk wants SDP to say; before any SDP was made. Our address stays."""
        self.media = replace(media, ip=self.media.ip)

    def offer(self, udp_port: int) -> bytes:
        """Our offer."""
        self._version += 1
        self._ours = negotiate.offer(
            self.media.ip, udp_port, self.media.codecs,
            session_id=self._session, version=self._version, events=self._events,
        )  # fmt: skip
        return self._ours

    def answer(self, offer: bytes, udp_port: int) -> tuple[bytes, StreamPlan]:
        """Our answer to an offer, and what it means; NegotiationError where there is none."""
        self._version += 1
        body, plan = negotiate.answer(
            offer, self.media.ip, udp_port, self.media.codecs,
            session_id=self._session, version=self._version,
            signalling_ip=self.signalling_ip, symmetric=self.symmetric, events=self._events,
        )  # fmt: skip
        return body, self._reached(plan)

    def accept(self, answer: bytes) -> StreamPlan:
        """What the answer to our offer means; NegotiationError where it is of no use."""
        plan = negotiate.accept(self._ours, answer, signalling_ip=self.signalling_ip, symmetric=self.symmetric)
        return self._reached(plan)

    def _reached(self, plan: StreamPlan) -> StreamPlan:
        """The plan, where we have a way to its address; the old addresses of nobody mean hold."""
        if differ(plan.remote_ip, self.media.ip) and not wild(plan.remote_ip):
            raise NegotiationError(f"their media is at {plan.remote_ip}, which ours at {self.media.ip} does not reach")
        return plan

    @property
    def _events(self) -> bool:
        return self.media.dtmf == "rfc4733"
