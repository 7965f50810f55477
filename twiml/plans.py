"""What verbs ask of a call, and what they are told when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twiml.targets import ConferenceTarget, QueueTarget, Target


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
