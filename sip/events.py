"""What the SIP agent tells the gateway: one frozen value per happening, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sip.dialog import DialogState
from sip.message import Request, Response
from sip.outputs import Address, Flow
from sip.reason import Reason


class Cause(StrEnum):
    """Why a session ended."""

    BYE = "bye"  # the peer hung up
    HANGUP = "hangup"  # we hung up
    CANCELED = "canceled"  # CANCEL, from them (incoming) or by us (outgoing)
    REFUSED = "refused"  # a final 3xx-6xx, theirs or ours: see status
    TIMEOUT = "timeout"  # no answer to our request, or no ACK for our 2xx
    TRANSPORT = "transport"  # name not resolved, connection refused, network error
    PROTOCOL = "protocol"  # the peer broke the rules so that the session cannot go on


@dataclass(frozen=True, slots=True)
class Invited:
    """A call came in. 100 is sent already; answer with Provisional, Accept or Refuse. `sdp` None: a late offer."""

    session: str
    request: Request
    sdp: bytes | None
    flow: Flow
    replaces: str | None = None  # the session whose place the call wants to take (RFC 3891)


@dataclass(frozen=True, slots=True)
class Ringing:
    """A 1xx above 100 to our INVITE; with SDP it is early media. `source`: the IP address of who answers."""

    session: str
    status: int
    sdp: bytes | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Redirected:
    """A call of ours was sent elsewhere by a 3xx, and goes there now."""

    session: str
    target: str
    status: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx to our INVITE (ACK is sent). `dialog` is what must be stored to end it after a crash.

    `source`: the IP address of who answers.
    """

    session: str
    sdp: bytes | None
    response: Response
    dialog: DialogState
    source: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The ACK for our 2xx came; `sdp` is the answer to a late offer of ours."""

    session: str
    sdp: bytes | None
    dialog: DialogState


@dataclass(frozen=True, slots=True)
class Accepted:
    """Our 2xx to an incoming INVITE was sent: from here on the dialog exists and must be ended by BYE."""

    session: str
    dialog: DialogState


@dataclass(frozen=True, slots=True)
class Offered:
    """A re-INVITE or UPDATE came: answer with AnswerOffer or RefuseOffer. `sdp` None asks for our offer.

    `source`: the IP address that it came from.
    """

    session: str
    sdp: bytes | None
    source: str


@dataclass(frozen=True, slots=True)
class Renegotiated:
    """A re-INVITE, ours or theirs, ended: `sdp` is their answer, None where it failed (`status`) or they had none."""

    session: str
    status: int
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An in-dialog INFO (answered 200 already)."""

    session: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class UpdateReceived:
    """Something came that the session takes (`Invite.takes`): by an UPDATE, which is answered 200 already, or beside an
    offer, which is the event before this one."""

    session: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Referred:
    """The peer asks us to call somebody else: answer with AcceptRefer or RefuseRefer (RFC 3515, RFC 3892)."""

    session: str
    refer_to: str
    referred_by: str
    request: Request


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """How our REFER goes on: 1xx-6xx of the call that they make, or why there is none; `final`: no more follows.

    `answer` is what REFER itself was answered with (0: nothing yet), `told`: `status` comes from a NOTIFY of theirs.
    """

    session: str
    status: int
    reason: str
    final: bool
    answer: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over; said exactly once per session. `status`: final SIP status if there was one, else 0."""

    session: str
    cause: Cause
    status: int
    reason: str
    why: Reason | None = None  # their Reason header
    call_id: str = ""  # empty where it had none


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration holds for so many seconds; it is renewed in time. `registrar`: who answered."""

    registration: str
    seconds: float
    registrar: Address


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A registration failed, or ended: status 200. `retry`: seconds until it is tried again, 0 for never."""

    registration: str
    status: int
    reason: str
    retry: float


@dataclass(frozen=True, slots=True)
class Probed:
    """What OPTIONS was answered with; 0: nobody answered."""

    uri: str
    status: int


@dataclass(frozen=True, slots=True)
class Registering:
    """A phone wants to be registered, or to know how it is: answer with AnswerRegister of the same number."""

    number: int
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class FlowLost:
    """A connection is gone, and what was reached over it alone is gone, too."""

    flow: Flow


AGAIN = "it came again"  # a request that was turned away before
UNHEARD = "no ACK came"  # for a refusal of an INVITE: who calls sends one, who only looks around does not


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message was not understood or not wanted; `detail` says why. `status` 0: it was not answered."""

    flow: Flow
    detail: str
    method: str = ""
    status: int = 0


Event = (
    Invited | Ringing | Redirected | Answered | Accepted | Confirmed | Offered | Renegotiated | InfoReceived
    | UpdateReceived | Referred | ReferProgress | Ended | Registered | Unregistered | Probed | Registering | FlowLost
    | Dropped
)  # fmt: skip
