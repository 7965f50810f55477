"""What the gateway may ask of the SIP agent. A session id is chosen by whoever starts the session.

For sessions that come in, the agent makes the id and says it in `Invited`; for `Invite` the caller gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sip.dialog import DialogState

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What answers a digest challenge (RFC 3261 §22)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provisional:
    """Send 180 or 183 (or another 1xx) on an incoming session, with SDP for early media."""

    session: str
    status: int = 180
    sdp: bytes | None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Accept:
    """Send 200 to the INVITE, repeated until the ACK."""

    session: str
    sdp: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send a final 3xx-6xx to the INVITE."""

    session: str
    status: int
    reason: str = ""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Invite:
    """Place a call. `uri`, `from_` and `to` are URIs or name-addrs as text; `via_target` overrides the next hop."""

    session: str
    uri: str
    from_: str
    to: str
    sdp: bytes | None
    headers: Headers = ()
    credentials: Credentials | None = None
    via_target: str | None = None  # a SIP URI: outbound proxy


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the session whatever its state: BYE when confirmed, CANCEL or a refusal (`status`) before."""

    session: str
    status: int = 603
    reason: str = ""  # text of a Reason header (RFC 3326)


@dataclass(frozen=True, slots=True)
class Reoffer:
    """Send a re-INVITE with this offer; the answer comes as `Renegotiated`."""

    session: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Answer the re-INVITE that `Offered` announced. With a late offer, `sdp` is our offer."""

    session: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class RefuseOffer:
    """Refuse the re-INVITE that `Offered` announced; the session stays as it was."""

    session: str
    status: int = 488


@dataclass(frozen=True, slots=True)
class EndDialog:
    """Send BYE in a dialog of an earlier process, from its stored state."""

    dialog: DialogState


Command = Provisional | Accept | Refuse | Invite | Hangup | Reoffer | AnswerOffer | RefuseOffer | EndDialog
