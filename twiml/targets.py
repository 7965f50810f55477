"""Whom `Dial` calls: numbers, SIP URIs, clients and applications, or a conference or a queue alone."""

from __future__ import annotations

from dataclasses import dataclass, field


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


Target = NumberTarget | SipTarget | ClientTarget | ApplicationTarget
