"""What a verb may ask of the call it runs on. `gateway.calls.control` is the product's; tests have their own.

When the caller hangs up, the task that runs the document is cancelled, except inside `record`, `dial`, `enqueue` and
`refer`: they return, with `hung_up` where that is told, so that their action can still be requested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from twiml.cards import Month
from twiml.payments import Paid, Payment
from twiml.ssml import Part


@dataclass(frozen=True, slots=True)
class Speech:
    """Text to be spoken. `voice` and `language` are TwiML's own words; `parts`: how, where there is more than text."""

    text: str
    voice: str
    language: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioUrl:
    """An audio file to be fetched, relative to the current document."""

    url: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to play, `loop` times over (0 was mapped to 1000 by the verb)."""

    what: Speech | AudioUrl | Quiet
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Collect:
    """How `Gather` and `Pay` listen: see twiml/verbs/gather.py. `ends`: whether these digits are all that is wanted.

    `patience`: seconds for another key after these digits, where that is not always `timeout`.
    """

    timeout: float
    finish_on_key: str  # any of these keys, or empty for none
    num_digits: int | None
    ends: Callable[[str], bool] | None = None
    patience: Callable[[str], float] | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What was pressed, and the key that ended it (empty: none)."""

    digits: str
    finished_on_key: str


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """How `Record` records the caller."""

    timeout: float  # seconds of silence, 0: never
    finish_on_key: str  # any of these keys
    max_length: float
    beep: bool
    trim: bool
    status_callback: str | None
    status_callback_method: str
    status_callback_events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that ended; `digits` is the ending key or `hangup`. None of it is trimmed yet."""

    sid: str
    url: str
    seconds: int
    digits: str
    hung_up: bool


@dataclass(frozen=True, slots=True)
class StartRecording:
    """A recording of both sides that goes on beside the document. `name`: what stops it, empty where nothing does."""

    name: str = ""
    track: str = "both"  # inbound, outbound, both
    channels: int = 2
    trim: bool = True
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class StartSiprec:
    """A call's audio to a recording server beside the document. `name`: what stops it, empty where nothing does.

    `connector`: the operator's word for the server; `parameters` are told to it.
    """

    connector: str
    name: str = ""
    track: str = "both_tracks"  # inbound_track, outbound_track, both_tracks
    status_callback: str | None = None
    status_callback_method: str = "POST"
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MessagePlan:
    """A text message beside the call. `to` None: to the caller; `from_` None: from the number that was called."""

    body: str
    to: str | None = None
    from_: str | None = None
    status_callback: str | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """The document that a called party hears before it is joined, by URL."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class NumberTarget:
    """A phone number to dial."""

    number: str
    send_digits: str = ""
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    byoc: str | None = None  # SID of the customer's own carrier
    screen: Screen | None = None

    @property
    def address(self) -> str:
        """`To` of the call."""
        return self.number


@dataclass(frozen=True, slots=True)
class SipUri:
    """One of several URIs: those of a lower priority are tried first, among equals chance decides, by weight."""

    uri: str
    priority: int = 0
    weight: int = 1
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SipTarget:
    """A SIP URI to dial, with digest credentials and custom headers; `uris`: all of them, where there are several."""

    uri: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    uris: tuple[SipUri, ...] = ()
    screen: Screen | None = None

    @property
    def address(self) -> str:
        """`To` of the call."""
        return self.uri


@dataclass(frozen=True, slots=True)
class ClientTarget:
    """An identity whose devices ring; they are given `params`."""

    identity: str
    params: tuple[tuple[str, str], ...] = ()
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    screen: Screen | None = None

    @property
    def address(self) -> str:
        """`To` of the call."""
        return f"client:{self.identity}"


@dataclass(frozen=True, slots=True)
class ApplicationTarget:
    """An application that answers a call in itself; its document is asked for with `params`."""

    sid: str
    params: tuple[tuple[str, str], ...] = ()
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    screen: Screen | None = None
    customer_id: str | None = None
    copy_parent_to: bool = False  # `To` of the application's call is that of the parent

    @property
    def address(self) -> str:
        """`To` of the call."""
        return self.sid


@dataclass(frozen=True, slots=True)
class ConferenceTarget:
    """A conference to take part in. `wait_url`: None for our own music, empty for silence. `coach`: a call's SID.

    `event_callback`: told of the recording's end in Twilio's old way, where nobody is in the new one.
    `early_media`: of who is called, what the far end sends before it answers is heard.
    """

    name: str
    muted: bool = False
    beep: str = "true"  # true, false, onEnter, onExit
    start_on_enter: bool = True
    end_on_exit: bool = False
    label: str | None = None
    wait_url: str | None = None
    wait_method: str = "POST"
    most: int = 250
    coach: str | None = None
    jitter_buffer: str = "large"  # off, small, medium, large
    early_media: bool = False
    record: bool = False
    trim: bool = True
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ()
    recording_status_callback: str | None = None
    recording_status_callback_method: str = "POST"
    recording_status_callback_events: tuple[str, ...] = ("completed",)
    event_callback: str | None = None


@dataclass(frozen=True, slots=True)
class QueueTarget:
    """A queue whose first caller is taken. `url`: what that one hears before. `patience`: seconds to wait for one."""

    name: str
    url: str | None = None
    method: str = "POST"
    patience: float | None = None  # for ever


@dataclass(frozen=True, slots=True)
class EnqueuePlan:
    """How `Enqueue` waits. `wait_url`: None for our own music, empty for silence.

    `action` and `method` are for a call that another document takes out of the queue: who enqueued it is told.
    """

    queue: str
    action: str | None = None
    method: str = "POST"
    wait_url: str | None = None
    wait_method: str = "GET"
    most: int = 1000  # callers, where the queue is new


Target = NumberTarget | SipTarget | ClientTarget | ApplicationTarget


@dataclass(frozen=True, slots=True)
class DialPlan:
    """How `Dial` places and joins a call. `record` is TwiML's word (`do-not-record`, `record-from-answer` …).

    `ring_tone`: the country whose ringing tone is heard, whatever the far end sends; None: what it sends, else ours.
    `conference`: the caller takes part in it, and there are no targets; `queue`: it takes a caller of there.
    """

    targets: tuple[Target, ...]
    timeout: float
    time_limit: float
    caller_id: str | None
    hangup_on_star: bool
    answer_on_bridge: bool
    record: str
    sequential: bool = False
    trim: bool = False
    recording_track: str = "both"
    recording_status_callback: str | None = None
    recording_status_callback_method: str = "POST"
    recording_status_callback_events: tuple[str, ...] = ("completed",)
    refer_url: str | None = None
    refer_method: str = "POST"
    ring_tone: str | None = None
    reason: str = ""  # callReason
    conference: ConferenceTarget | None = None
    queue: QueueTarget | None = None


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a `Dial` ended. `params` are its action's parameters (`DialCallStatus` …).

    `referred`: the other party transferred the caller; the parameters of `referUrl`, which replaces the action.
    `sip_status`: how the far end refused, 0 where it answered or never spoke.
    """

    params: dict[str, str]
    hung_up: bool
    referred: dict[str, str] | None = None
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class Referred:
    """What became of a `Refer`. `params` are its action's parameters (`ReferCallStatus` …)."""

    params: dict[str, str]
    hung_up: bool


class CallControl(Protocol):
    """The verbs' whole view of a call."""

    def warn(self, code: int, message: str, line: int) -> None:
        """Puts a warning into the call's log (Twilio's notifications)."""

    async def answer(self) -> None:
        """Answers an incoming call if that has not happened; returns when media flows."""

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """Answers if need be, then plays one after the other to the end; what cannot be had is warned of."""

    async def send_digits(self, digits: str) -> None:
        """Answers if need be and sends DTMF to the caller."""

    async def pause(self, seconds: float) -> None:
        """Waits: while ringing when the call is not answered yet (and answers then), else in silence."""

    async def collect(self, prompts: Sequence[Prompt], how: Collect) -> Collected:
        """Plays the prompts until the first digit and collects digits."""

    def month(self) -> Month:
        """The year and the month, in UTC."""

    def withhold(self) -> AbstractContextManager[None]:
        """Inside, what the caller presses is in no log, no recording and no capture."""

    async def collect_unseen(self, prompts: Sequence[Prompt], how: Collect) -> Collected | None:
        """As `collect`, inside of `withhold`; None where the caller hung up."""

    async def check_connector(self, name: str) -> Paid | None:
        """Why no payment can be made by a payment connector; None where there is no reason."""

    async def pay(self, payment: Payment, prompts: Sequence[Prompt]) -> Paid:
        """Asks the payment's connector, while the prompts play."""

    async def tell_of_payment(self, url: str, method: str, params: Mapping[str, str]) -> None:
        """A status callback about a payment; `url` may be relative to the current document."""

    async def record(self, plan: RecordPlan) -> Recorded | None:
        """Records the caller. None: the recording failed, which is in the call's log."""

    async def start_recording(self, plan: StartRecording) -> None:
        """Answers if need be; records beside the document, for the rest of the call."""

    async def stop_recording(self, name: str) -> None:
        """Ends a recording that was started; a warning where none of that name runs."""

    async def start_siprec(self, plan: StartSiprec) -> None:
        """Answers if need be; sends the call's audio to a recording server, without waiting for that to begin."""

    async def stop_siprec(self, name: str) -> None:
        """Ends one that was started; a warning where none of that name runs."""

    async def send_message(self, plan: MessagePlan) -> dict[str, str]:
        """Has a message sent, without waiting for that; its action's parameters (`SmsSid`, `SmsStatus`)."""

    async def dial(self, plan: DialPlan) -> Dialled:
        """Dials, joins, and returns when the other party is gone or could not be reached."""

    async def enqueue(self, plan: EnqueuePlan) -> dict[str, str]:
        """Answers if need be, waits in a queue; its action's parameters (`QueueResult` …) when that is over."""

    async def leave(self) -> None:
        """Takes the call out of the queue whose wait document this is; elsewhere a warning, and nothing happens."""

    async def echo(self) -> None:
        """Answers if need be; the caller hears itself until it hangs up."""

    async def refer(self, target: str) -> Referred:
        """Answers if need be and asks the caller to call a SIP URI instead; returns when that has come to an end."""

    async def hangup(self) -> None:
        """Ends the call (an unanswered one is answered first)."""

    async def reject(self, reason: str) -> None:
        """Refuses an unanswered incoming call: `busy` or `rejected`; an answered one is hung up."""
