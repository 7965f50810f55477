"""What the gateway may ask of the SIP agent. A session id is chosen by whoever starts the session.

For sessions that come in, the agent makes the id and says it in `Invited`; for `Invite` the caller gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sip.dialog import DialogState
from sip.outputs import Flow
from sip.session_timer import TimerPolicy

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What answers a digest challenge (RFC 3261 §22)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A body beside the session description, all of them in a multipart/mixed one (RFC 5621)."""

    content_type: str
    body: bytes
    disposition: str  # of Content-Disposition


@dataclass(frozen=True, slots=True)
class Provisional:
    """Send 180 or 183 (or another 1xx) on an incoming session, with SDP for early media.

    `reliable` (RFC 3262) where the caller can; where it insists on it, it is reliable anyway.
    """

    session: str
    status: int = 180
    sdp: bytes | None = None
    headers: Headers = ()
    reliable: bool = False


@dataclass(frozen=True, slots=True)
class Accept:
    """Send 200 to the INVITE, repeated until the ACK."""

    session: str
    sdp: bytes
    headers: Headers = ()
    timer: TimerPolicy | None = None  # of this call; None: the agent's


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
    redirects: int = 0  # contacts of 3xx responses that are followed at most
    timer: TimerPolicy | None = None  # of this call; None: the agent's
    patience: float | None = None  # seconds until a target that says nothing at all is given up; None: timer B
    routes: tuple[str, ...] = ()  # Route values, the first of which is the next hop (RFC 3327)
    flow: Flow | None = None  # the way that a phone registered over, as long as it stands
    pinned: bool = False  # there is no way but `flow` (RFC 5626)
    guarded: bool = False  # a customer says where it goes: only to addresses that the guard of the endpoint allows
    parts: tuple[Part, ...] = ()  # beside the SDP
    features: str = ""  # parameters of our Contact throughout the session, as `+sip.src` (RFC 3840)
    takes: tuple[str, ...] = ()  # content types that an UPDATE, or an offer beside its SDP, may bring
    max_forwards: int = 70  # RFC 3261 §8.1.1.6; of a call that came in: one less than its own (RFC 7332)


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
    parts: tuple[Part, ...] = ()  # beside the SDP


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Answer the re-INVITE or UPDATE that `Offered` announced. With a late offer, `sdp` is our offer."""

    session: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class RefuseOffer:
    """Refuse the re-INVITE or UPDATE that `Offered` announced; the session stays as it was."""

    session: str
    status: int = 488


@dataclass(frozen=True, slots=True)
class SendInfo:
    """Send INFO inside the dialog."""

    session: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refer:
    """Ask the peer to call somebody else (RFC 3515); `ReferProgress` tells what becomes of it."""

    session: str
    refer_to: str  # a URI or name-addr, with `Replaces` among its headers for an attended transfer
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class AcceptRefer:
    """Answer the REFER that `Referred` announced with 202; NOTIFY 100 follows at once."""

    session: str


@dataclass(frozen=True, slots=True)
class RefuseRefer:
    """Refuse the REFER that `Referred` announced."""

    session: str
    status: int = 603


@dataclass(frozen=True, slots=True)
class TellRefer:
    """Tell the peer how its transfer goes on (NOTIFY); a status of 200 or more is the last word."""

    session: str
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """Keep an address of record registered, until Unregister; a second one of the same name replaces the first."""

    registration: str
    registrar: str  # a SIP URI
    address: str  # of record: a URI or name-addr
    contact_user: str
    expires: int = 300  # seconds
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Unregister:
    """Take a registration back."""

    registration: str


@dataclass(frozen=True, slots=True)
class AnswerRegister:
    """Answer the REGISTER that `Registering` announced."""

    number: int
    status: int
    reason: str = ""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask with OPTIONS whether somebody is there; `Probed` answers."""

    uri: str
    from_: str


@dataclass(frozen=True, slots=True)
class EndDialog:
    """Send BYE in a dialog of an earlier process, from its stored state."""

    dialog: DialogState


@dataclass(frozen=True, slots=True)
class Drain:
    """Nothing new is taken any more: OPTIONS says what an INVITE would be told, 503 (RFC 3261 §11.2)."""


OfSession = (
    Provisional | Accept | Refuse | Hangup | Reoffer | AnswerOffer | RefuseOffer | SendInfo
    | Refer | AcceptRefer | RefuseRefer | TellRefer
)  # fmt: skip
Command = OfSession | Invite | EndDialog | Register | Unregister | AnswerRegister | Probe | Drain
